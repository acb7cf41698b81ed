import type { DatabaseServer } from "@penstock/database";
import fc from "fast-check";
import { sql } from "kysely";
import { expect, it } from "vitest";

import { SimulatedHolder } from "./simulated-holder.ts";
import { TestLedger, budget, limit } from "./test-ledger.ts";

const firstAmount = 12n;
const quotas = ["budgets/b", "limits/l"] as const;

/** What the rule of a quota has been, and what its requests took without having reserved it. */
class RuleHistory {
  amount = firstAmount;
  highestAmount = firstAmount;
  overrun = 0n;
  /** Let in by holders that died before quota heard of it: a rate is lent anew after 12 s. */
  unheard = 0n;

  change(amount: bigint): void {
    this.amount = amount;
    if (amount > this.highestAmount) this.highestAmount = amount;
  }
}

async function checkInvariants(ledger: TestLedger, rules: Rules): Promise<void> {
  for (const quota of quotas) {
    const { highestAmount, overrun, unheard } = rules[quota];
    const balance = await ledger.balance(quota);
    const total = balance.posted + balance.pending + balance.leased;
    const most = highestAmount + balance.overshoot;
    expect(total, `${quota} is lent beyond its amount`).toBeLessThanOrEqual(most);
    expect(balance.overshoot).toBeLessThanOrEqual(overrun + unheard);
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

type Rules = Readonly<Record<(typeof quotas)[number], RuleHistory>>;

const kinds = [
  ...(["sync", "sync", "admit", "admit", "settle", "overrun", "deliver", "redeliver"] as const),
  ...(["wait", "restart", "change"] as const),
];
type Step = readonly [kind: (typeof kinds)[number], holder: number, size: number];

const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...kinds), fc.nat(3), fc.nat(11));

/** A request takes more than its lease holds just after the amount was raised. */
const overrunAfterRaise: Step[] = [
  ["sync", 0, 10],
  ["admit", 0, 10],
  ["settle", 0, 8],
  ["deliver", 0, 8],
  ["change", 0, 10],
  ["overrun", 0, 11],
  ["deliver", 0, 0],
];

/** Rates of a holder that died are lent anew before quota hears of what it had let in. */
const deadHolder: Step[] = [
  ["sync", 0, 11],
  ["admit", 0, 11],
  ["restart", 0, 0],
  ["wait", 0, 11],
  ["sync", 1, 11],
  ["admit", 1, 11],
  ["change", 0, 1],
  ["deliver", 0, 11],
];

/** Random histories of four holders; `runs` of them. */
export function describeHistories(server: () => DatabaseServer, runs: number): void {
  it("never lends more than there is, and leaks nothing", { timeout: 120_000 }, async () => {
    const history = fc.array(step, { minLength: 10, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(history, (steps) => play(server(), steps)),
      { numRuns: runs, examples: [[overrunAfterRaise], [deadHolder]] },
    );
  });
}

async function play(database: DatabaseServer, steps: readonly Step[]): Promise<void> {
  const ledger = await TestLedger.create(database);
  try {
    await playOn(ledger, steps);
  } finally {
    await ledger.close();
  }
}

async function playOn(ledger: TestLedger, steps: readonly Step[]): Promise<void> {
  const rules = { "budgets/b": new RuleHistory(), "limits/l": new RuleHistory() };
  setRules(ledger, rules);
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
    else if (kind === "overrun") {
      const settled = holder.settle(BigInt(size));
      for (const one of quotas) if (one === settled) rules[one].overrun += BigInt(size);
    } else if (kind === "change") {
      rules[quota].change(BigInt(size) * 2n + 1n);
      setRules(ledger, rules);
    } else if (kind === "deliver") {
      const batch = shared.outbox.splice(0, size + 1);
      delivered.push(...batch);
      await ledger.deliver(...batch);
    } else if (kind === "redeliver") await ledger.deliver(...delivered.slice(-size - 1));
    else if (kind === "wait") {
      ledger.clock.advance(size * 1_500);
      // A living holder syncs once a second; its news of what runs come before its leases end.
      for (const one of holders) await one.sync(quota, 0n);
      await ledger.sweep();
    } else rules["limits/l"].unheard += await holder.restart();
    await checkInvariants(ledger, rules);
  }
  expectLimits(shared.admissions, rules);
  await quiesce(ledger, holders, shared.outbox);
  for (const quota of quotas) {
    const admitted = shared.admissions.filter((one) => one.quota === quota).length;
    const charged = BigInt(admitted) + rules[quota].overrun;
    const { rows } = await sql<{ posted: bigint }>`
      select coalesce(sum(amount), 0)::bigint as posted from quota.transfers
      where quota = ${quota} and state = 'posted'`.execute(ledger.db);
    expect(rows[0]?.posted, "each admission is charged once").toBe(charged);
  }
  const money = await ledger.balance("budgets/b");
  const left = rules["budgets/b"].amount - money.posted;
  expect(money.available).toBe(left > 0n ? left : 0n);
}

function setRules({ configuration }: TestLedger, rules: Rules): void {
  configuration.quotas.set("budgets/b", budget("budgets/b", rules["budgets/b"].amount));
  configuration.quotas.set("limits/l", limit("limits/l", rules["limits/l"].amount));
}

/**
 * At most the highest amount in any 60 s for the limit, but for what dead holders kept to
 * themselves, and in the day for the budget.
 */
function expectLimits(admissions: readonly { quota: string; atMs: number }[], rules: Rules): void {
  const { highestAmount, unheard } = rules["limits/l"];
  const rates = admissions.filter((one) => one.quota === "limits/l");
  for (const { atMs } of rates) {
    const inMinute = rates.filter((one) => one.atMs <= atMs && atMs - one.atMs < 60_000);
    expect(inMinute.length).toBeLessThanOrEqual(Number(highestAmount + unheard));
  }
  const money = admissions.length - rates.length;
  expect(money).toBeLessThanOrEqual(Number(rules["budgets/b"].highestAmount));
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
