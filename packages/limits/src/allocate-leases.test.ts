import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { allocate, wholeReservations } from "./allocate-leases.ts";
import type { AllocationRequest, LeaseWant } from "./allocate-leases.ts";
import { maximumLeaseAmount } from "./lease-amount.ts";

const amount = fc.oneof(fc.bigInt({ min: 0n, max: 60n }), fc.bigInt({ min: 0n, max: 2n ** 62n }));
const want: fc.Arbitrary<LeaseWant> = fc.record({
  holder: fc.string({ maxLength: 4 }),
  wanted: fc.oneof(amount, fc.constant(-5n)),
  needed: fc.oneof(amount, fc.constant(-5n)),
  largestReservation: amount,
  demandPerSecond: fc.oneof(fc.nat({ max: 1000 }), fc.double()),
});
const request: fc.Arbitrary<AllocationRequest> = fc.record({
  kind: fc.constantFrom("rate" as const, "budget" as const, "concurrency" as const),
  limit: amount,
  posted: fc.oneof(amount, fc.bigInt({ min: -100n, max: 0n })),
  pending: amount,
  leased: amount,
  holders: fc.oneof(fc.integer({ min: -1, max: 50 }), fc.constant(Number.NaN)),
  wants: fc.array(want, { maxLength: 8 }),
});
const holderAsks = (wanted: bigint, change: Partial<LeaseWant> = {}): LeaseWant => ({
  holder: "replica/0",
  wanted,
  largestReservation: 10n,
  demandPerSecond: 0,
  ...change,
});
const quota = (change: Partial<AllocationRequest>): AllocationRequest => ({
  kind: "budget",
  limit: 10_000n,
  posted: 0n,
  pending: 0n,
  leased: 0n,
  holders: 4,
  wants: [],
  ...change,
});
const sumOf = (grants: readonly { amount: bigint }[]) =>
  grants.reduce((sum, grant) => sum + grant.amount, 0n);

describe("allocate", () => {
  it("never lends beyond the limit, nor less than nothing, nor more than was asked", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const { grants, remaining, mode } = allocate(asked);
        const before = asked.posted + asked.pending + asked.leased;
        const sum = sumOf(grants);
        expect(grants.map((grant) => grant.holder)).toEqual(asked.wants.map((one) => one.holder));
        if (before >= asked.limit) expect(sum).toBe(0n);
        else expect(before + sum + remaining).toBe(asked.limit);
        expect(remaining).toBeGreaterThanOrEqual(0n);
        for (const [index, grant] of grants.entries()) {
          const { wanted = 0n, needed = 0n } = asked.wants[index] ?? {};
          const most = mode === "bulk" && wanted > needed ? wanted : needed;
          expect(grant.amount).toBeGreaterThanOrEqual(0n);
          expect(grant.amount).toBeLessThanOrEqual(most > 0n ? most : 0n);
          expect(grant.amount).toBeLessThanOrEqual(BigInt(maximumLeaseAmount));
        }
        if (mode === "bulk") expect(sum * 2n).toBeLessThanOrEqual(asked.limit - before);
        if (asked.limit <= 20n) expect(mode).toBe("precise");
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps the invariant over a life of grants, spending and changes of the limit", () => {
    const turn = fc.record({
      limit: fc.bigInt({ min: 0n, max: 400n }),
      wants: fc.array(want, { maxLength: 3 }),
      posts: fc.bigInt({ min: 0n, max: 50n }),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 30 }), (turns) => {
        let [posted, leased] = [0n, 0n];
        for (const { limit, wants, posts } of turns) {
          const before = posted + leased;
          const answer = allocate(quota({ limit, posted, leased, wants, holders: 3 }));
          leased += sumOf(answer.grants);
          expect(posted + leased).toBeLessThanOrEqual(before > limit ? before : limit);
          const spent = posts < leased ? posts : leased;
          [posted, leased] = [posted + spent, leased - spent];
        }
      }),
    );
  });

  it("lends exactly what is asked in precise mode, in order, until nothing is left", () => {
    const wants = [holderAsks(3n), holderAsks(7n), holderAsks(1n)];
    const { mode, grants, remaining } = allocate(quota({ limit: 5n, wants }));
    expect(mode).toBe("precise");
    expect(grants.map((grant) => grant.amount)).toEqual([3n, 2n, 0n]);
    expect(remaining).toBe(0n);
  });

  it("lends only what waiting requests lack in precise mode, however much is wanted ahead", () => {
    const wants = [holderAsks(9n, { needed: 2n }), holderAsks(9n, { needed: 0n })];
    const { grants } = allocate(quota({ limit: 5n, wants }));
    expect(grants.map((grant) => grant.amount)).toEqual([2n, 0n]);
  });

  it("turns precise where the rest is below twice the holders' largest reservation", () => {
    const wants = [holderAsks(10n)];
    const modeAt = (posted: bigint) => allocate(quota({ posted, wants })).mode;
    expect(modeAt(9_920n)).toBe("bulk");
    expect(modeAt(9_921n)).toBe("precise");
    expect(allocate(quota({ limit: 20n, holders: 1 })).mode).toBe("precise");
    expect(allocate(quota({ limit: 21n, holders: 1 })).mode).toBe("bulk");
  });

  it("sizes bulk leases by demand, between one reservation and the holder's share", () => {
    const lent = (demandPerSecond: number, change: Partial<AllocationRequest> = {}) =>
      allocate(quota({ wants: [holderAsks(10_000n, { demandPerSecond })], ...change })).grants[0]
        ?.amount;
    expect(lent(0)).toBe(10n);
    expect(lent(100)).toBe(210n);
    expect(lent(100, { roundTripMs: 500 })).toBe(300n);
    expect(lent(1e9)).toBe(1_250n);
    expect(lent(Number.NaN)).toBe(10n);
    expect(lent(0, { kind: "concurrency" })).toBe(1_250n);
  });

  it("lends whole reservations beside what the holder has, as long as its share has room", () => {
    const lent = (wanted: bigint, demandPerSecond: number, limit = 10_000n) =>
      allocate(quota({ limit, wants: [holderAsks(wanted, { demandPerSecond })] })).grants[0]
        ?.amount;
    expect(lent(40n, 8)).toBe(20n);
    // It has room for 6 of the 40 that it wants to have: with 14 more, for two reservations.
    expect(lent(34n, 0)).toBe(14n);
    expect(lent(34n, 0, 80n)).toBe(4n);
    expect(lent(4n, 0)).toBe(4n);
  });

  it("lends nothing where the limit was lowered below what is spent", () => {
    const answer = allocate(
      quota({ limit: 100n, posted: 90n, leased: 30n, wants: [holderAsks(1n)] }),
    );
    expect(answer).toEqual({
      mode: "precise",
      grants: [{ holder: "replica/0", amount: 0n }],
      remaining: 0n,
    });
  });

  it("takes a corrupt negative hold as nothing, so that it makes no room", () => {
    const wants = [holderAsks(50n)];
    const answer = allocate(quota({ limit: 10n, leased: -100n, pending: -100n, wants }));
    expect(answer.grants[0]?.amount).toBe(10n);
  });
});

describe("wholeReservations", () => {
  it("is the most below the ceiling that is short of what was asked by whole ones", () => {
    const positive = fc.bigInt({ min: 0n, max: 10_000n });
    fc.assert(
      fc.property(positive, positive, positive, (asked, ceiling, reservation) => {
        const size = reservation > 0n ? reservation : 1n;
        const amount = wholeReservations(asked, ceiling, reservation);
        const most = asked < ceiling ? asked : ceiling;
        expect(amount).toBeGreaterThanOrEqual(0n);
        expect(amount).toBeLessThanOrEqual(most);
        expect(most - amount).toBeLessThan(size);
        if (amount > 0n) expect((asked - amount) % size).toBe(0n);
      }),
    );
  });
});
