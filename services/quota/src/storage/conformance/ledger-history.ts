import type { DatabaseServer } from "@penstock/database";
import fc from "fast-check";
import { sql } from "kysely";
import { expect, it } from "vitest";

import { TestLedger, budget, limit, sync, usageEvent, want } from "./test-ledger.ts";

const amount = 12n;
const quotas = ["budgets/b", "limits/l"] as const;

interface HeldLease {
  readonly quota: string;
  granted: bigint;
  spent: bigint;
  reserved: bigint;
  closed: boolean;
  readonly validToMs: number;
  expireMs: number;
}

/** A router as far as quota sees it: it reserves only on leases that live, and settles later. */
class SimulatedHolder {
  epoch = 1n;
  syncSequence = 0n;
  eventSequence = 0n;
  readonly leases = new Map<string, HeldLease>();
  readonly running: { quota: string; leaseId: string }[] = [];
  readonly #ledger: TestLedger;
  readonly #name: string;
  readonly admissions: { quota: string; atMs: number }[];
  readonly outbox: Uint8Array[];

  constructor(
    ledger: TestLedger,
    name: string,
    shared: { admissions: { quota: string; atMs: number }[]; outbox: Uint8Array[] },
  ) {
    this.#ledger = ledger;
    this.#name = name;
    this.admissions = shared.admissions;
    this.outbox = shared.outbox;
  }

  get replica(): string {
    return this.#name;
  }

  async sync(quota: string, needed: bigint, retired?: { epoch: bigint; lastSequence: bigint }) {
    this.syncSequence += 1n;
    const nowMs = this.#ledger.clock.wallMs();
    for (const lease of this.leases.values()) {
      if (nowMs >= lease.expireMs || nowMs >= lease.validToMs) lease.closed = true;
    }
    const reports = [...this.leases].map(([leaseId, lease]) => ({
      leaseId,
      spent: lease.spent,
      reserved: lease.reserved,
      closed: lease.closed,
      sequence: this.syncSequence,
    }));
    const answer = await this.#ledger.queue.run(
      sync({
        holder: `${this.#name}/0`,
        epoch: this.epoch,
        sequence: this.syncSequence,
        reports,
        wants: needed === 0n ? [] : [want(quota, needed, { wanted: needed + 2n })],
        retiredEpochs: retired === undefined ? [] : [retired],
      }),
    );
    for (const id of answer.revokedLeaseIds) this.leases.delete(id);
    for (const grant of answer.grants) {
      if (grant.leaseId === "") continue;
      const known = this.leases.get(grant.leaseId);
      const expireMs = nowMs + Number(grant.lifetime?.seconds ?? 0n) * 1_000;
      if (known === undefined) {
        this.leases.set(grant.leaseId, {
          quota: grant.quota,
          granted: grant.amount,
          spent: 0n,
          reserved: 0n,
          closed: false,
          validToMs: Number(grant.periodEndTime?.seconds ?? 0n) * 1_000,
          expireMs,
        });
      } else {
        known.granted += grant.amount;
        known.expireMs = expireMs;
      }
    }
  }

  admit(quota: string): void {
    const nowMs = this.#ledger.clock.wallMs();
    for (const [leaseId, lease] of this.leases) {
      const usable = !lease.closed && nowMs < lease.expireMs && nowMs < lease.validToMs;
      if (lease.quota !== quota || !usable) continue;
      if (lease.granted - lease.spent - lease.reserved < 1n) continue;
      lease.reserved += 1n;
      this.admissions.push({ quota, atMs: nowMs });
      this.running.push({ quota, leaseId });
      return;
    }
  }

  settle(): void {
    const request = this.running.shift();
    if (request === undefined) return;
    const lease = this.leases.get(request.leaseId);
    if (lease !== undefined) {
      lease.reserved -= 1n;
      lease.spent += 1n;
    }
    this.#emit(request);
  }

  /** Dies: what ran is charged by its spool, found at the start of the next life. */
  async restart(): Promise<void> {
    for (const request of this.running.splice(0)) this.#emit(request);
    const ended = { epoch: this.epoch, lastSequence: this.eventSequence };
    this.epoch += 1n;
    this.syncSequence = 0n;
    this.eventSequence = 0n;
    this.leases.clear();
    await this.sync(quotas[0], 0n, ended);
  }

  #emit({ quota, leaseId }: { quota: string; leaseId: string }): void {
    this.eventSequence += 1n;
    const { epoch, eventSequence: sequence, replica } = this;
    this.outbox.push(usageEvent({ replica, epoch, sequence }, [{ quota, settled: 1n, leaseId }]));
  }
}

async function checkInvariants(ledger: TestLedger): Promise<void> {
  for (const quota of quotas) {
    const balance = await ledger.balance(quota);
    const total = balance.posted + balance.pending + balance.leased;
    expect(total, `${quota} is lent beyond its amount`).toBeLessThanOrEqual(amount);
    expect(balance.overshoot).toBe(0n);
  }
  const { rows } = await sql<{ quota: string }>`
    select a.quota from quota.accounts a left join (
      select quota, period_start_ms, sum(held_leased) as leased, sum(held_pending) as pending
      from quota.leases group by 1, 2) l using (quota, period_start_ms)
    where a.leased <> coalesce(l.leased, 0) or a.pending <> coalesce(l.pending, 0)`.execute(
    ledger.db,
  );
  expect(rows, "accounts differ from the holds of their leases").toEqual([]);
}

type Step = readonly [
  kind: "sync" | "admit" | "settle" | "deliver" | "redeliver" | "wait" | "restart",
  holder: number,
  size: number,
];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    "sync" as const,
    "sync" as const,
    "admit" as const,
    "admit" as const,
    "settle" as const,
    "deliver" as const,
    "redeliver" as const,
    "wait" as const,
    "restart" as const,
  ),
  fc.nat(3),
  fc.nat(11),
);

/** Random histories of four holders; `runs` of them. */
export function describeHistories(server: () => DatabaseServer, runs: number): void {
  it("never lends more than there is, and leaks nothing", { timeout: 120_000 }, async () => {
    const history = fc.array(step, { minLength: 10, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(history, (steps) => play(server(), steps)),
      { numRuns: runs },
    );
  });
}

async function play(database: DatabaseServer, steps: readonly Step[]): Promise<void> {
  const rules = [budget("budgets/b", amount), limit("limits/l", amount)];
  const ledger = await TestLedger.create(database, ...rules);
  const shared = {
    admissions: [] as { quota: string; atMs: number }[],
    outbox: [] as Uint8Array[],
  };
  const holders = ["a", "b", "c", "d"].map((name) => new SimulatedHolder(ledger, name, shared));
  const delivered: Uint8Array[] = [];
  for (const [kind, index, size] of steps) {
    const holder = holders[index];
    const quota = quotas[size % 2] ?? quotas[0];
    if (holder === undefined) continue;
    if (kind === "sync") await holder.sync(quota, BigInt(size));
    else if (kind === "admit") for (let n = 0; n <= size; n += 1) holder.admit(quota);
    else if (kind === "settle") for (let n = 0; n <= size; n += 1) holder.settle();
    else if (kind === "deliver") {
      const batch = shared.outbox.splice(0, size + 1);
      delivered.push(...batch);
      await ledger.deliver(...batch);
    } else if (kind === "redeliver") await ledger.deliver(...delivered.slice(-size - 1));
    else if (kind === "wait") {
      ledger.clock.advance(size * 1_500);
      // A living holder syncs once a second; its news of what runs come before its leases end.
      for (const one of holders) await one.sync(quota, 0n);
      await ledger.sweep();
    } else await holder.restart();
    await checkInvariants(ledger);
  }
  expectLimits(shared.admissions);
  await quiesce(ledger, holders, shared.outbox);
  for (const quota of quotas) {
    const charged = BigInt(shared.admissions.filter((one) => one.quota === quota).length);
    const { rows } = await sql<{ posted: bigint }>`
      select coalesce(sum(amount), 0)::bigint as posted from quota.transfers
      where quota = ${quota} and state = 'posted'`.execute(ledger.db);
    expect(rows[0]?.posted, "each admission is charged once").toBe(charged);
  }
  const money = await ledger.balance("budgets/b");
  expect(money.available).toBe(amount - money.posted);
}

/** At most the amount in any 60 s for the limit, and in the day for the budget. */
function expectLimits(admissions: readonly { quota: string; atMs: number }[]): void {
  const rates = admissions.filter((one) => one.quota === "limits/l");
  for (const { atMs } of rates) {
    const inMinute = rates.filter((one) => one.atMs <= atMs && atMs - one.atMs < 60_000);
    expect(inMinute.length).toBeLessThanOrEqual(Number(amount));
  }
  expect(admissions.length - rates.length).toBeLessThanOrEqual(Number(amount));
}

async function quiesce(
  ledger: TestLedger,
  holders: readonly SimulatedHolder[],
  outbox: Uint8Array[],
): Promise<void> {
  for (const holder of holders) {
    while (holder.running.length > 0) holder.settle();
  }
  await ledger.deliver(...outbox.splice(0));
  ledger.clock.advance(60_000);
  for (const holder of holders) await holder.sync("budgets/b", 0n);
  await ledger.sweep();
  for (const quota of quotas) {
    const balance = await ledger.balance(quota);
    expect({ pending: balance.pending, leased: balance.leased }).toEqual({
      pending: 0n,
      leased: 0n,
    });
  }
}
