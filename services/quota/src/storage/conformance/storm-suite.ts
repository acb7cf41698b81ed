import type { SyncLeasesResponse } from "@penstock/api";
import type { DatabaseServer } from "@penstock/database";
import { sql } from "kysely";
import { expect, it } from "vitest";

import type { Sync } from "../../leases/sync.ts";
import { TestLedger, budget, limit, sync, usageEvent, want } from "./test-ledger.ts";

const budgetAmount = 6_000n;
const limitAmount = 500n;
const amounts: Readonly<Record<string, bigint>> = {
  "budgets/hot": budgetAmount,
  "budgets/other": budgetAmount,
  "limits/hot": limitAmount,
};
const quotas = Object.keys(amounts);
const holderCount = 12;
const rounds = 12;
/** On a busy machine a lock may be waited for in vain; routers and buses try again, too. */
const tries = 20;

async function deliver(replica: TestLedger, event: Uint8Array): Promise<void> {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    if ((await replica.deliver(event))[0] === "ack") return;
  }
  throw new Error("an event was never taken");
}

async function run(replica: TestLedger, request: Sync): Promise<SyncLeasesResponse> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await replica.queue.run(request);
    } catch (error) {
      if (attempt >= tries) throw error;
    }
  }
}

/** A router as far as this matters: it spends what it is lent, reports it and sends its events. */
class BusyHolder {
  readonly #name: string;
  readonly #replicas: readonly TestLedger[];
  readonly #open = new Map<string, { quota: string; granted: bigint; spent: bigint }>();
  #sequence = 0n;
  charged = 0n;
  events = 0n;

  constructor(name: string, replicas: readonly TestLedger[]) {
    this.#name = name;
    this.#replicas = replicas;
  }

  /** Each sync and each event goes to whichever replica comes next. */
  async run(): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await this.#sync(round, BigInt((round * 7 + this.#name.length * 3) % 40) + 1n, false);
      await this.#spend(round);
    }
    await this.#sync(rounds, 0n, true);
  }

  #replica(round: number): TestLedger {
    const at = (round + Number(this.#name.slice(1))) % this.#replicas.length;
    return this.#replicas[at] ?? this.#replicas[0]!;
  }

  async #sync(round: number, needed: bigint, closed: boolean): Promise<void> {
    this.#sequence += 1n;
    const sequence = this.#sequence;
    const reports = [...this.#open].map(([leaseId, lease]) => ({
      leaseId,
      spent: lease.spent,
      reserved: 0n,
      closed,
      sequence,
    }));
    const order = round % 2 === 0 ? quotas : quotas.toReversed();
    const wants = needed === 0n ? [] : order.map((quota) => want(quota, needed, { wanted: 60n }));
    const holder = `${this.#name}/0`;
    const answer = await run(this.#replica(round), sync({ holder, sequence, reports, wants }));
    for (const { leaseId, quota, amount } of answer.grants) {
      if (leaseId === "") continue;
      const lease = this.#open.get(leaseId) ?? { quota, granted: 0n, spent: 0n };
      lease.granted += amount;
      this.#open.set(leaseId, lease);
    }
  }

  async #spend(round: number): Promise<void> {
    const charges: { quota: string; settled: bigint; leaseId: string }[] = [];
    for (const [leaseId, lease] of this.#open) {
      const settled = (lease.granted - lease.spent) / 2n;
      if (settled === 0n) continue;
      lease.spent += settled;
      if (lease.quota === "budgets/hot") this.charged += settled;
      charges.push({ quota: lease.quota, settled, leaseId });
    }
    this.events += 1n;
    const event = usageEvent({ replica: this.#name, sequence: this.events }, charges);
    // Every third event comes to two replicas at once, as after a redelivery.
    const again = round % 3 === 0 ? [deliver(this.#replica(round + 1), event)] : [];
    await Promise.all([deliver(this.#replica(round + 2), event), ...again]);
  }
}

/** Looks at the ledger until told to stop; gives how often, and whatever was wrong. */
async function sample(ledger: TestLedger, isOver: () => boolean) {
  const wrong: string[] = [];
  let looks = 0;
  while (!isOver()) {
    const { rows } = await sql<{ quota: string; total: bigint; overshoot: bigint }>`
      select quota, sum(posted + pending + leased)::bigint as total,
        sum(overshoot)::bigint as overshoot
      from quota.accounts group by quota`.execute(ledger.db);
    looks += 1;
    for (const { quota, total, overshoot } of rows) {
      if (total > (amounts[quota] ?? 0n) || overshoot > 0n) wrong.push(`${quota}: ${total}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { looks, wrong };
}

/** Many holders at several replicas of the service, all at the same few quotas. */
export function describeStorm(server: () => DatabaseServer): void {
  it("never lends beyond a limit while holders storm three replicas", async () => {
    const rules = [
      budget("budgets/hot", budgetAmount),
      budget("budgets/other", budgetAmount),
      limit("limits/hot", limitAmount),
    ];
    const first = await TestLedger.create(server(), ...rules);
    const replicas = [first, first.replica(server()), first.replica(server())];
    const names = Array.from({ length: holderCount }, (_, index) => `r${index}`);
    const holders = names.map((name) => new BusyHolder(name, replicas));
    let over = false;
    const sampling = sample(first, () => over);
    await Promise.all(holders.map((holder) => holder.run())).finally(() => (over = true));
    const { looks, wrong } = await sampling;
    expect(wrong).toEqual([]);
    expect(looks).toBeGreaterThan(5);
    const charged = holders.reduce((sum, holder) => sum + holder.charged, 0n);
    expect(charged).toBeGreaterThan(budgetAmount / 10n);
    // What was spent is posted once; what was not is free again.
    expect(await first.balance("budgets/hot")).toMatchObject({
      posted: charged,
      pending: 0n,
      leased: 0n,
      overshoot: 0n,
      available: budgetAmount - charged,
    });
    for (const quota of quotas) expect((await first.balance(quota)).leased).toBe(0n);
    for (const name of names) {
      const confirmed = replicas.map((one) => one.confirmed.get(`quota.${name}.1`) ?? 0n);
      expect(confirmed).toContain(BigInt(rounds));
    }
  }, 60_000);
}
