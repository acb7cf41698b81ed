import type { DatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { describeLedger } from "../../testing.ts";
import { TestLedger, budget, usageEvent } from "./conformance/test-ledger.ts";

describeLedger("PGlite", () => openTestDatabase());

describe("a ledger of many charges in PGlite, which nobody analyzes", () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await openTestDatabase();
  });
  afterAll(() => server.close());

  const quota = "budgets/b";

  async function scansOf({ db }: TestLedger): Promise<bigint> {
    await sql`select pg_stat_force_next_flush()`.execute(db);
    const { rows } = await sql<{ scans: bigint }>`select seq_scan as scans
      from pg_stat_user_tables where schemaname = 'quota' and relname = 'transfers'`.execute(db);
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
    const before = await scansOf(ledger);
    const events = Array.from({ length: 100 }, (_, index) =>
      usageEvent({ replica: "a", sequence: BigInt(index) + 2n }, charges),
    );
    await ledger.deliver(...events);
    await ledger.deliver(...events);
    expect((await ledger.balance(quota)).posted).toBe(101n);
    expect(await scansOf(ledger)).toBe(before);
  });
});
