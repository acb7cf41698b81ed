import { inTransaction, openDatabaseServer, toStorageError } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { startFaultProxy } from "../faults/fault-proxy.ts";
import type { FaultProxy } from "../faults/fault-proxy.ts";
import { startPostgres } from "./postgres.ts";
import type { PostgresServer } from "./postgres.ts";
import { serverLane } from "./server-lane.ts";

const { logger } = silentObservability();
const silence = { cutAfterBytes: 0, cutBy: "silence" } as const;

async function reasonOf(query: Promise<unknown>): Promise<unknown> {
  try {
    await query;
    return "answered";
  } catch (thrown) {
    const error = toStorageError(thrown) as { reason?: string };
    return error.reason ?? error;
  }
}

serverLane("postgres").describe("a pool into PostgreSQL", () => {
  let postgres: PostgresServer;
  let server: DatabaseServer;
  let proxied: DatabaseServer;
  let proxy: FaultProxy;

  beforeAll(async () => {
    // As a deadlock is looked for after a second, the limit of waiting for a lock would be first.
    postgres = await startPostgres({ settings: { deadlock_timeout: "50ms" } });
    const url = await postgres.createDatabase("pools");
    proxy = await startFaultProxy({ target: new URL(url).host });
    const through = url.replace("postgres@", "postgres:canary@");
    server = await openDatabaseServer({ url, dataDir: "unused", logger });
    proxied = await openDatabaseServer({
      url: through.replace(new URL(url).host, proxy.address),
      dataDir: "unused",
      logger,
    });
    const db = server.connect("public");
    await sql`create table public.account (name text primary key, balance bigint)`.execute(db);
    await sql`insert into public.account values ('a', 0), ('b', 0)`.execute(db);
  });
  afterEach(() => proxy.set({}));
  afterAll(async () => {
    await Promise.all([server?.close(), proxied?.close()]);
    await proxy?.close();
    await postgres?.stop();
  });

  it("tells the server its limits and whose connection it is", async () => {
    const db = server.connect("quota", { statementTimeoutMs: 1_234 });
    const { rows } = await sql`select current_setting('statement_timeout') as statement,
      current_setting('lock_timeout') as lock, current_setting('application_name') as name,
      current_setting('idle_in_transaction_session_timeout') as idle`.execute(db);
    expect(rows).toEqual([
      { statement: "1234ms", lock: "500ms", name: "penstock-quota", idle: "5s" },
    ]);
  });

  it("refuses what a locked table keeps waiting, in time and without further connections", async () => {
    const db = server.connect("hot", { maxConnections: 3, maxWaiting: 4, waitTimeoutMs: 200 });
    const other = server.connect("public");
    const count = async (): Promise<number> => {
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
        where application_name = 'penstock-hot'`.execute(other);
      return rows[0]?.n ?? 0;
    };
    const read = () => sql`select * from public.account`.execute(db);
    const order: number[] = [];
    const reasons = await inTransaction(other, async (trx) => {
      await sql`lock table public.account`.execute(trx);
      const all = Array.from({ length: 20 }, async (_, index) => {
        const reason = await reasonOf(read());
        order.push(index);
        return reason;
      });
      const [first] = await Promise.all([all[0], ...all.slice(7)]);
      expect(first).toBe("UNAVAILABLE");
      expect(await count()).toBe(3);
      return await Promise.all(all);
    });
    expect(new Set(reasons)).toEqual(new Set(["UNAVAILABLE"]));
    // Thirteen found no place even to wait, so they knew before all others.
    const refused = Array.from({ length: 13 }, (_, index) => 7 + index);
    expect(order.slice(0, 13).toSorted((left, right) => left - right)).toEqual(refused);
    expect((await read()).rows).toHaveLength(2);
    expect(await count()).toBeLessThanOrEqual(3);
  });

  it("gives up on a server that fell silent, and trusts no connection of before", async () => {
    const db = proxied.connect("silent", { statementTimeoutMs: 200, maxConnections: 3 });
    const one = () => sql`select 1 as x`.execute(db);
    await Promise.all([sql`select pg_sleep(0.1)`.execute(db), one(), one()]);
    proxy.set({ toClient: silence, connections: "hang" });
    const startedAt = performance.now();
    const failure = await one().catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "UNAVAILABLE" });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    proxy.set({});
    const before = proxy.connections().taken;
    expect((await one()).rows).toEqual([{ x: 1 }]);
    expect(proxy.connections().taken).toBe(before + 1);
  });

  it("gives up on a transaction whose server fell silent", async () => {
    const db = proxied.connect("silent", { statementTimeoutMs: 200 });
    const run = inTransaction(db, async (trx) => {
      await sql`update public.account set balance = 99`.execute(trx);
      proxy.set({ toTarget: silence, toClient: silence });
      await sql`select 1`.execute(trx);
    });
    expect(await reasonOf(run)).toBe("UNAVAILABLE");
    proxy.set({});
    proxy.resetAll();
    const { rows } = await sql`select balance from public.account`.execute(server.connect("x"));
    expect(rows).toEqual([{ balance: 0n }, { balance: 0n }]);
  });

  it("says nothing of password or address when the server is gone, and finds it again", async () => {
    const db = proxied.connect("public");
    const read = () => sql`select count(*)::int as n from public.account`.execute(db);
    await read();
    await postgres.kill();
    const failures = [await read().catch(String), await read().catch(String)];
    for (const text of failures) {
      expect(text).toContain("The database can't be used now");
      expect(text).not.toMatch(/canary|127\.0\.0\.1|select/);
    }
    await postgres.restart();
    await vi.waitFor(async () => expect((await read()).rows).toEqual([{ n: 2 }]), 5_000);
  });

  it("closes although the server does not answer any more", async () => {
    const url = `postgres://postgres@${proxy.address}/pools`;
    const lonely = await openDatabaseServer({ url, dataDir: "unused", logger });
    await sql`select 1`.execute(lonely.connect("public"));
    proxy.set({ toTarget: silence, toClient: silence });
    const startedAt = performance.now();
    await lonely.close();
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  /** Transactions that meet after their first step, so that each runs into the other. */
  async function collide(
    db: Kysely<never>,
    isolation: "read committed" | "serializable",
    steps: readonly (readonly [first: string, second: string])[],
  ): Promise<{ runs: number }> {
    const met = Promise.withResolvers<void>();
    let waiting = steps.length;
    let runs = 0;
    const transactions = steps.map(async ([first, second]) => {
      let isFirstRun = true;
      await inTransaction(
        db,
        async (trx) => {
          runs += 1;
          await sql.raw(first).execute(trx);
          waiting -= isFirstRun ? 1 : 0;
          isFirstRun = false;
          if (waiting === 0) met.resolve();
          await met.promise;
          await sql.raw(second).execute(trx);
        },
        { isolation },
      );
    });
    await Promise.all(transactions);
    return { runs };
  }

  const add = (name: string): string =>
    `update public.account set balance = balance + 1 where name = '${name}'`;
  const balances = async (): Promise<unknown> => {
    const db = server.connect("public");
    return (await sql`select name, balance from public.account order by name`.execute(db)).rows;
  };

  it("runs the victim of a deadlock again", async () => {
    const db = server.connect<never>("public");
    const { runs } = await collide(db, "read committed", [
      [add("a"), add("b")],
      [add("b"), add("a")],
    ]);
    expect(runs).toBe(3);
    expect(await balances()).toEqual([
      { name: "a", balance: 2n },
      { name: "b", balance: 2n },
    ]);
  });

  it("runs again what could not be serialized", async () => {
    const db = server.connect<never>("public");
    const sum = "select sum(balance)::bigint from public.account";
    const { runs } = await collide(db, "serializable", [
      [sum, add("a")],
      [sum, add("b")],
    ]);
    expect(runs).toBe(3);
    expect(await balances()).toEqual([
      { name: "a", balance: 3n },
      { name: "b", balance: 3n },
    ]);
  });
});
