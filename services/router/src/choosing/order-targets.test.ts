import type { CompiledTarget } from "@penstock/snapshot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderTargets } from "./order-targets.ts";
import type { OrderFacts, TargetOrder } from "./order-targets.ts";

interface Standing {
  readonly priority: number;
  readonly weight: number;
  readonly firstTokenMs: number | undefined;
  readonly quietMs: number;
  readonly inFlight: number;
  readonly tokensPerSecond: number | undefined;
  readonly cost: bigint | undefined;
}

const plain: Standing = {
  priority: 0,
  weight: 1,
  firstTokenMs: 100,
  quietMs: 0,
  inFlight: 0,
  tokensPerSecond: 10,
  cost: 10n,
};

function made(standings: readonly Partial<Standing>[], random = 0.5) {
  const known = new Map<CompiledTarget, Standing>();
  const targets = standings.map((standing, at) => {
    const full = { ...plain, ...standing };
    const { priority, weight } = full;
    const target = { deployment: { name: `deployments/${at}` }, priority, weight };
    known.set(target as CompiledTarget, full);
    return target as CompiledTarget;
  });
  const of = (target: CompiledTarget): Standing => known.get(target)!;
  const facts: OrderFacts = {
    latency: (target) => of(target),
    inFlight: (target) => of(target).inFlight,
    tokensPerSecond: (target) => of(target).tokensPerSecond,
    cost: (target) => of(target).cost,
    random: () => random,
  };
  return { targets, facts };
}

function order(by: TargetOrder["by"], standings: readonly Partial<Standing>[], random = 0.5) {
  const { targets, facts } = made(standings, random);
  const ordered = orderTargets(targets, { by, exploration: 0.05, tiers: true }, facts);
  return ordered.map((target) => targets.indexOf(target));
}

describe("orderTargets", () => {
  it("puts the soonest first", () => {
    expect(order("least_latency", [{ firstTokenMs: 300 }, { firstTokenMs: 90 }])).toEqual([1, 0]);
  });

  it("lets one request at a time try what is not known", () => {
    const unknown = { firstTokenMs: undefined, quietMs: Infinity };
    expect(order("least_latency", [{}, unknown])).toEqual([1, 0]);
    expect(order("least_latency", [{}, { ...unknown, inFlight: 1 }])).toEqual([0, 1]);
  });

  it("lets few requests look after what was silent for a minute", () => {
    const slow = { firstTokenMs: 5_000, quietMs: 60_000 };
    expect(order("least_latency", [{}, slow], 0.04)).toEqual([1, 0]);
    expect(order("least_latency", [{}, slow], 0.06)).toEqual([0, 1]);
    expect(order("least_latency", [{}, { ...slow, quietMs: 59_999 }], 0.04)).toEqual([0, 1]);
  });

  it("puts the least busy for its weight first", () => {
    expect(order("least_busy", [{ inFlight: 3 }, { inFlight: 4, weight: 2 }])).toEqual([1, 0]);
    expect(order("least_busy", [{ weight: 0 }, { inFlight: 9 }])).toEqual([1, 0]);
  });

  it("puts the cheapest first, and what has no price last", () => {
    const standings = [{ cost: undefined }, { cost: 2n }, { cost: 1n }];
    expect(order("lowest_cost", standings)).toEqual([2, 1, 0]);
  });

  it("puts the fastest writer first", () => {
    const standings = [{ tokensPerSecond: undefined }, { tokensPerSecond: 5 }, {}];
    expect(order("throughput", standings)).toEqual([2, 1, 0]);
  });

  it("gives one target back as it came", () => {
    const { targets, facts } = made([{}]);
    const given = { by: "lowest_cost", exploration: 0, tiers: true } as const;
    expect(orderTargets(targets, given, facts)).toBe(targets);
  });

  const standing = fc.record({
    priority: fc.nat(2),
    weight: fc.integer({ min: 1, max: 5 }),
    firstTokenMs: fc.option(fc.nat(1_000), { nil: undefined }),
    quietMs: fc.nat(120_000),
    inFlight: fc.nat(5),
    tokensPerSecond: fc.option(fc.nat(500), { nil: undefined }),
    cost: fc.option(fc.bigInt({ min: 0n, max: 50n }), { nil: undefined }),
  });
  const orders = ["weighted", "least_latency", "least_busy", "lowest_cost", "throughput"] as const;

  it("keeps every target once, is repeatable, and obeys priorities", () => {
    fc.assert(
      fc.property(
        fc.array(standing, { maxLength: 8 }),
        fc.constantFrom(...orders),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (standings, by, random) => {
          const places = order(by, standings, random);
          expect(places.toSorted((a, b) => a - b)).toEqual(standings.map((_, at) => at));
          expect(order(by, standings, random)).toEqual(places);
          if (by === "weighted") return;
          const priorities = places.map((at) => standings[at]!.priority);
          expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
        },
      ),
    );
  });

  it("never puts a dearer target before a cheaper one of the same priority", () => {
    fc.assert(
      fc.property(fc.array(standing, { maxLength: 8 }), (standings) => {
        const same = standings.map((one) => ({ ...one, priority: 0 }));
        const costs = order("lowest_cost", same).map((at) => Number(same[at]!.cost ?? 1_000n));
        expect(costs).toEqual(costs.toSorted((a, b) => a - b));
      }),
    );
  });
});
