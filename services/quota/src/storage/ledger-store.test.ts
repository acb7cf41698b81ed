import type { DatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { quotaKey } from "@penstock/limits";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { describeLedger } from "../../testing.ts";
import { TestLedger, budget, limit, sync, usageEvent, want } from "./conformance/test-ledger.ts";

describeLedger("PGlite", () => openTestDatabase());

describe("a ledger of many charges in PGlite, which nobody analyzes", () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await openTestDatabase();
  });
  afterAll(() => server.close());

  const quota = "budgets/b";

  async function scansOf({ db }: TestLedger, table: string): Promise<bigint> {
    await sql`select pg_stat_force_next_flush()`.execute(db);
    const { rows } = await sql<{ scans: bigint }>`select seq_scan as scans
      from pg_stat_user_tables where schemaname = 'quota' and relname = ${table}`.execute(db);
    return rows[0]?.scans ?? 0n;
  }

  it("posts further ones without reading those it has", async () => {
    const ledger = await TestLedger.create(server, budget(quota, 1_000_000n));
    const atMs = ledger.clock.wallMs();
    const charges = [{ quota, settled: 1n, atMs }];
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, charges));
    await sql`insert into quota.transfers select gen_random_uuid()::text, quota, ordinal, state,
      amount, period_start_ms, create_ms, lease_id, reason, rate, actor
      from quota.transfers, generate_series(1, 5000)`.execute(ledger.db);
    const before = await scansOf(ledger, "transfers");
    const events = Array.from({ length: 100 }, (_, index) =>
      usageEvent({ replica: "a", sequence: BigInt(index) + 2n }, charges),
    );
    await ledger.deliver(...events);
    await ledger.deliver(...events);
    expect((await ledger.balance(quota)).posted).toBe(101n);
    expect(await scansOf(ledger, "transfers")).toBe(before);
  });

  it("lends to and charges a hundred end users without reading what all have", async () => {
    const ledger = await TestLedger.create(server, limit("limits/l", 1_000n));
    const quotas = Array.from({ length: 100 }, (_, user) =>
      quotaKey("limits/l", { end_user: `u${user}` }),
    );
    const wants = quotas.map((one) => want(one, 1n));
    await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    await sql`with others as (
        insert into quota.quotas select q.quota || '-' || n, resource, unit, period, amount, used_ms
        from quota.quotas q, generate_series(1, 50) n returning quota
      ) insert into quota.accounts select o.quota, a.period_start_ms, a.period_end_ms, a.period,
        0, 0, 0, 0, null from others o, (select * from quota.accounts limit 1) a`.execute(
      ledger.db,
    );
    const before = await scansOf(ledger, "accounts");
    const atMs = ledger.clock.wallMs();
    const charges = quotas.map((one) => ({ quota: one, settled: 1n, atMs }));
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, charges));
    await ledger.queue.run(sync({ holder: "a/0", sequence: 2n, wants }));
    expect(await ledger.balance(quotas[99] ?? "")).toMatchObject({ posted: 1n });
    expect(await scansOf(ledger, "accounts")).toBe(before);
  });
});
