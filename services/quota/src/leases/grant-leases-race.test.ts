import {
  available,
  createDemand,
  createLease,
  demandPerSecond,
  largestReservation,
  mergeGrant,
  monotonicMs,
  observeDemand,
  reserve,
  wallMs,
  wanted,
} from "@penstock/limits";
import type { LeaseState } from "@penstock/limits";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LedgerPage } from "../ledger/ledger-page.ts";
import type { QuotaInstance } from "../ledger/ledger-page.ts";
import { grantLeases } from "./grant-leases.ts";
import type { HolderWant } from "./grant-leases.ts";
import type { Grant } from "./sync.ts";

const startMs = Date.UTC(2026, 0, 15, 12);
const holderCount = 4;

/** A router with requests of one size, which all run for long; those that wait come first. */
class Holder {
  admitted = 0;
  refused = 0;
  #waiting = 0;
  #lease: LeaseState | undefined;
  #sequence = 0;
  readonly #demand = createDemand(monotonicMs(0));
  readonly #name: string;
  readonly #size: number;

  constructor(name: string, size: number) {
    this.#name = name;
    this.#size = size;
  }

  /** Lets in what has room; the others wait. */
  arrive(count: number, nowMs: number): void {
    for (let left = count; left > 0; left -= 1) {
      observeDemand(this.#demand, this.#size, monotonicMs(nowMs));
      this.#waiting += 1;
    }
    this.#admit(nowMs);
  }

  /** What it asks for now; undefined: nobody waits. */
  want(nowMs: number): HolderWant | undefined {
    if (this.#waiting === 0) return undefined;
    const now = monotonicMs(nowMs);
    const waiting = this.#waiting * this.#size;
    const demand = {
      perSecond: demandPerSecond(this.#demand, now),
      largestReservation: largestReservation(this.#demand, now),
      waiting,
    };
    const room = this.#lease === undefined ? 0 : available(this.#lease);
    const want = {
      quota: "",
      needed: BigInt(Math.max(0, waiting - room)),
      wanted: BigInt(wanted(this.#lease, demand)),
      largestReservation: BigInt(demand.largestReservation),
      demandPerSecond: demand.perSecond,
    };
    this.#sequence += 1;
    return { holder: this.#name, epoch: 1n, sequence: BigInt(this.#sequence), want };
  }

  /** Takes the answer: who waits is let in, or refused where quota has nothing left. */
  take({ leaseId, amount, mode, status }: Grant, nowMs: number): void {
    if (leaseId !== "") {
      const period = { periodStartMs: wallMs(0), periodEndMs: wallMs(nowMs + 1e9), lifeMs: 1e9 };
      const lent = { leaseId, epoch: 1, sequence: this.#sequence, mode, amount: Number(amount) };
      if (this.#lease === undefined) {
        this.#lease = createLease("budgets/one", { ...lent, ...period }, monotonicMs(nowMs));
      } else {
        const { periodStartMs, periodEndMs } = this.#lease;
        const same = { ...lent, ...period, periodStartMs, periodEndMs };
        mergeGrant(this.#lease, same, monotonicMs(nowMs));
      }
    }
    this.#admit(nowMs);
    if (status !== "exhausted") return;
    this.refused += this.#waiting;
    this.#waiting = 0;
  }

  #admit(nowMs: number): void {
    const lease = this.#lease;
    while (lease !== undefined && this.#waiting > 0) {
      if (!reserve(lease, this.#size, wallMs(1), monotonicMs(nowMs))) return;
      this.admitted += 1;
      this.#waiting -= 1;
    }
  }
}

/** Lets requests come to holders; those that ask in one turn share a transaction of quota. */
function race(amount: number, size: number, turns: readonly (readonly number[])[]): Holder[] {
  const quota = "budgets/one";
  const unit = "nano_usd" as const;
  const period = "day" as const;
  const rule = { name: quota, kind: "budget" as const, unit, amount: BigInt(amount), period };
  const definition = { ...rule, timeZone: "UTC", keyFor: () => quota };
  const facts = { quota, resource: quota, unit, period, amount: BigInt(amount), definition };
  const instance: QuotaInstance = { ...facts, usedMs: startMs };
  const page = new LedgerPage({ instances: [instance], accounts: [], leases: [] });
  const holders = Array.from({ length: holderCount }, (_, at) => new Holder(`${at}/0`, size));
  let leases = 0;
  for (const [turn, arrivals] of turns.entries()) {
    const atMs = startMs + turn * 10;
    for (const [at, holder] of holders.entries()) holder.arrive(arrivals[at] ?? 0, atMs);
    const asking = holders.flatMap((holder) => {
      const want = holder.want(atMs);
      return want === undefined ? [] : [{ holder, want }];
    });
    const wants = asking.map(({ want }) => want);
    const context = { nowMs: atMs, newLeaseId: () => `lease-${(leases += 1)}` };
    const grants = grantLeases(page, instance, wants, context);
    for (const [at, grant] of grants.entries()) asking[at]?.holder.take(grant, atMs);
  }
  return holders;
}

describe("holders that race for the rest of a budget", () => {
  const arrivals = fc.array(fc.nat({ max: 3 }), {
    minLength: holderCount,
    maxLength: holderCount,
  });

  it("admit together all requests of one size that fit, however they come", () => {
    const size = fc.integer({ min: 1, max: 20_000 });
    const room = fc.nat({ max: 30 });
    const rest = fc.double({ min: 0, max: 0.99, noNaN: true });
    const some = fc.array(arrivals, { maxLength: 12 });
    fc.assert(
      fc.property(size, room, rest, some, (each, fitting, share, turns) => {
        const amount = fitting * each + Math.floor(share * each);
        // More than there is in the end, to each: nobody keeps room that was lent ahead of need.
        const end = Array.from({ length: 6 }, () => Array.from({ length: holderCount }, () => 40));
        const holders = race(amount, each, [...turns, ...end]);
        const admitted = holders.reduce((sum, holder) => sum + holder.admitted, 0);
        expect(admitted).toBe(fitting);
        expect(Math.min(...holders.map((holder) => holder.refused))).toBeGreaterThan(0);
      }),
    );
  });
});
