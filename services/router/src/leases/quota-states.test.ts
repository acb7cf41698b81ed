import { monotonicMs, wallMs } from "@penstock/limits";
import { describe, expect, it } from "vitest";
import { quota, use } from "./lease-book.fixture.ts";
import type { Moment, QuotaState } from "./quota-state.ts";
import { QuotaStates } from "./quota-states.ts";

const full = 10_000;
const at = (ms: number): Moment => ({ monotonic: monotonicMs(ms), wall: wallMs(ms) });
const useOf = (name: string) => use(quota(`limits/${name}`));

/** As many as fit, made at a moment, the first of them with leases. */
function fill(states: QuotaStates, leased: number, nowMs: number): void {
  for (let index = 0; index < full; index += 1) {
    const state = states.obtain(useOf(`old-${index}`), at(nowMs + index / full));
    if (index < leased) lend(state!, nowMs);
  }
}

function lend(state: QuotaState, nowMs: number): void {
  const grant = { leaseId: state.key, epoch: 1, sequence: 1, mode: "bulk", amount: 10 } as const;
  const period = { periodStartMs: wallMs(0), periodEndMs: wallMs(86_400_000), lifeMs: 30_000 };
  state.granted({ ...grant, ...period }, monotonicMs(nowMs));
}

describe("quota instances at their bound", () => {
  it("are forgotten for new ones when they hold nothing, and no lease is closed for that", () => {
    const closed: QuotaState[] = [];
    const states = new QuotaStates((state) => closed.push(state));
    fill(states, 9_000, 0);
    expect(states.obtain(useOf("early"), at(999))).toBeUndefined();
    for (let index = 0; index < 1_000; index += 1) {
      expect(states.obtain(useOf(`new-${index}`), at(2_000))).toBeDefined();
    }
    expect(states.obtain(useOf("one-too-many"), at(2_001))).toBeUndefined();
    expect(closed).toEqual([]);
    expect(states.byKey.size).toBe(full);
  });

  it("give back a few leases a second, those first that nobody has used for longest", () => {
    const closed: QuotaState[] = [];
    const states = new QuotaStates((state) => closed.push(state));
    fill(states, full, 0);
    states.byKey.get("limits/old-0")?.take(1, at(1_500));
    for (let index = 0; index < 50; index += 1) {
      expect(states.obtain(useOf(`new-${index}`), at(2_000 + index))).toBeUndefined();
    }
    expect(closed.map(({ key }) => key)).toEqual(
      Array.from({ length: 100 }, (_, index) => `limits/old-${index + 1}`),
    );
    // Quota has heard of them.
    for (const state of closed) state.retiring.clear();
    expect(states.obtain(useOf("later"), at(3_000))).toBeDefined();
    expect(closed).toHaveLength(100);
  });

  it("are dropped with their leases after a minute", () => {
    const closed: QuotaState[] = [];
    const states = new QuotaStates((state) => closed.push(state));
    fill(states, 5, 0);
    states.dropIdle(at(60_002));
    expect(closed).toHaveLength(5);
    expect(states.byKey.size).toBe(5);
  });
});
