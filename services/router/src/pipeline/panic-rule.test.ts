import type { CompiledTarget } from "@penstock/snapshot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readmit } from "./panic-rule.ts";
import type { SkippedTarget } from "./plan-attempts.ts";

const well = { priority: 0 } as unknown as CompiledTarget;

function skipped(untilMs: number, inNeed = true, rule = "breaker_open"): SkippedTarget {
  const target = { priority: untilMs } as unknown as CompiledTarget;
  return { target, rule, reason: "", inNeed, forGood: false, untilMs };
}

/** Who is used, by when it recovers; 0 for those that are well. */
function readmitted(
  healthy: number,
  failing: readonly SkippedTarget[],
  mayTryOpen = (_target: CompiledTarget): boolean => true,
): number[] {
  const targets = Array.from({ length: healthy }, () => well);
  readmit(targets, [...failing], mayTryOpen);
  return targets.map(({ priority }) => priority);
}

describe("readmit", () => {
  it("leaves out half of the targets and no more, those that recover first coming back last", () => {
    expect(readmitted(1, [skipped(9)])).toEqual([0]);
    expect(readmitted(1, [skipped(9), skipped(5)])).toEqual([0, 5]);
    expect(readmitted(1, [skipped(9), skipped(5), skipped(7)])).toEqual([0, 5]);
    expect(readmitted(2, [skipped(9), skipped(5), skipped(7)])).toEqual([0, 0, 5]);
  });

  it("tries one where all fail", () => {
    expect(readmitted(0, [skipped(9), skipped(5), skipped(7)])).toEqual([5]);
  });

  it("tries the next where all fail and enough try the first, and none where enough try all", () => {
    const failing = [skipped(9), skipped(5), skipped(7)];
    expect(readmitted(0, failing, ({ priority }) => priority !== 5)).toEqual([7]);
    expect(readmitted(0, failing, () => false)).toEqual([]);
    expect(readmitted(1, failing, () => false)).toEqual([0, 5]);
  });

  it("asks last, and not as failing, what has nothing left of a limit", () => {
    const spent = skipped(3, true, "limit_reached");
    expect(readmitted(1, [spent])).toEqual([0, 3]);
    expect(readmitted(0, [skipped(9), spent], () => false)).toEqual([3]);
    expect(readmitted(0, [spent, skipped(2, true, "limit_reached")])).toEqual([2, 3]);
  });

  it("never takes back what a provider asked to be left alone", () => {
    expect(readmitted(0, [skipped(5, false), skipped(9)])).toEqual([9]);
    expect(readmitted(0, [skipped(5, false)])).toEqual([]);
  });

  it("loses nobody", () => {
    const one = fc.record({ untilMs: fc.nat(100), inNeed: fc.boolean() });
    fc.assert(
      fc.property(fc.nat(6), fc.array(one, { maxLength: 8 }), (healthy, some) => {
        const out = some.map(({ untilMs, inNeed }) => skipped(untilMs, inNeed));
        const targets = Array.from({ length: healthy }, () => well);
        readmit(targets, out, () => true);
        expect(targets.length + out.length).toBe(healthy + some.length);
        const failing = out.filter(({ inNeed }) => inNeed).length;
        if (targets.length > 1) expect(failing).toBeLessThanOrEqual(targets.length);
        if (healthy === 0 && some.some(({ inNeed }) => inNeed)) expect(targets.length).toBe(1);
      }),
    );
  });
});
