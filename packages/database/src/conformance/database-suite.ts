import { sql } from "kysely";
import type { Generated, Kysely } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tryAdvisoryLock, withAdvisoryLock } from "../advisory-lock.ts";
import { migrate } from "../migrate.ts";
import { schemaState } from "../schema-state.ts";
import type { DatabaseServer } from "../open-database.ts";
import { createOutboxTable } from "../outbox.ts";
import { createSequenceTable } from "../sequence-table.ts";
import { createSettingTable } from "../setting-table.ts";
import { sqlStateOf } from "../sql-state.ts";
import { inTransaction } from "../transaction.ts";
import { describeOutbox, describeSequences } from "./messages-suite.ts";

/** A database server for the suite; the schemas it uses must not exist yet. */
export interface DatabaseHarness {
  readonly server: DatabaseServer;
  close(): Promise<void>;
}

interface Tables {
  account: { id: Generated<bigint>; name: string; balance: bigint };
}

const schema = "suite";
const migrations = {
  "001_account": {
    up: async (db: Kysely<unknown>): Promise<void> => {
      await db.schema
        .createTable("account")
        .addColumn("id", "bigint", (column) => column.primaryKey().generatedAlwaysAsIdentity())
        .addColumn("name", "text", (column) => column.notNull().unique())
        .addColumn("balance", "bigint", (column) => column.notNull())
        .execute();
    },
  },
  "002_messages": {
    up: async (db: Kysely<unknown>): Promise<void> => {
      await createOutboxTable(db, schema);
      await createSequenceTable(db, schema);
      await createSettingTable(db, schema);
    },
  },
};

const nothing = { up: () => Promise.resolve() };

interface Suite {
  server(): DatabaseServer;
  db(): Kysely<Tables>;
}

/** Everything this package promises of both servers. */
export function describeDatabase(name: string, open: () => Promise<DatabaseHarness>): void {
  describe(`database: ${name}`, () => {
    let harness: DatabaseHarness;
    let db: Kysely<Tables>;
    beforeAll(async () => {
      harness = await open();
      db = harness.server.connect<Tables>(schema);
      await migrate(db, { schema, migrations });
    }, 60_000);
    afterAll(() => harness?.close());
    const suite: Suite = { server: () => harness.server, db: () => db };
    describeTypes(suite);
    describeTransactions(suite);
    describeMigrations(suite);
    describeLocks(suite);
    const messages = { schema, db: () => db as unknown as Kysely<unknown> };
    describeOutbox(messages);
    describeSequences(messages);
  });
}

function describeTypes({ db }: Suite): void {
  it("carries the largest and smallest bigint there and back", async () => {
    const balances = [2n ** 63n - 1n, -(2n ** 63n), 0n, 9_007_199_254_740_993n];
    const values = balances.map((balance, index) => ({ name: `bigint ${index}`, balance }));
    await db().insertInto("account").values(values).execute();
    const rows = await db()
      .selectFrom("account")
      .select("balance")
      .where("name", "like", "bigint %")
      .orderBy("id")
      .execute();
    expect(rows.map((row) => row.balance)).toEqual(balances);
    const arrays = await sql<{
      list: bigint[];
    }>`select array[1, null, ${2n ** 60n}]::bigint[] as list`.execute(db());
    expect(arrays.rows[0]?.list).toEqual([1n, null, 2n ** 60n]);
  });

  it("refuses numeric columns instead of losing digits, and goes on", async () => {
    await expect(sql`select 1.5::numeric as x`.execute(db())).rejects.toThrow("numeric");
    const { rows } =
      await sql`select sum(x)::bigint as total from (values (1::bigint)) t(x)`.execute(db());
    expect(rows).toEqual([{ total: 1n }]);
  });

  it("gives SQLSTATE codes", async () => {
    await db().insertInto("account").values({ name: "once", balance: 0n }).execute();
    const again = db().insertInto("account").values({ name: "once", balance: 0n }).execute();
    expect(sqlStateOf(await again.catch((error: unknown) => error))).toBe("23505");
    const missing = sql`select * from nowhere`.execute(db());
    expect(sqlStateOf(await missing.catch((error: unknown) => error))).toBe("42P01");
    expect(sqlStateOf(new Error("other"))).toBeUndefined();
    expect(sqlStateOf({ code: "ECONNREFUSED" })).toBeUndefined();
  });
}

function describeTransactions({ db, server }: Suite): void {
  it("rolls back what throws", async () => {
    const run = inTransaction(db(), async (trx) => {
      await trx.insertInto("account").values({ name: "rolled back", balance: 1n }).execute();
      throw new Error("changed my mind");
    });
    await expect(run).rejects.toThrow("changed my mind");
    const rows = await db()
      .selectFrom("account")
      .select("id")
      .where("name", "=", "rolled back")
      .execute();
    expect(rows).toEqual([]);
  });

  it("runs again after a serialization failure, a bounded number of times", async () => {
    let runs = 0;
    const fail = (times: number) =>
      inTransaction(
        db(),
        async (trx) => {
          runs += 1;
          if (runs > times) return "done";
          await sql`do $$ begin raise sqlstate '40001'; end $$`.execute(trx);
          return "unreachable";
        },
        { attempts: 3, isolation: "serializable" },
      );
    expect(await fail(2)).toBe("done");
    expect(runs).toBe(3);
    runs = 0;
    expect(sqlStateOf(await fail(9).catch((error: unknown) => error))).toBe("40001");
    expect(runs).toBe(3);
  });

  it("does not run again after other errors, nor when aborted", async () => {
    let runs = 0;
    const run = inTransaction(db(), async (trx) => {
      runs += 1;
      await sql`select 1 / 0`.execute(trx);
    });
    await expect(run).rejects.toMatchObject({ code: "22012" });
    expect(runs).toBe(1);
    const aborted = inTransaction(db(), async () => "x", { signal: AbortSignal.abort("gone") });
    await expect(aborted).rejects.toBe("gone");
  });

  it("loses no increment of many transactions over two pools", async () => {
    const other = server().connect<Tables>(schema);
    await db().insertInto("account").values({ name: "shared", balance: 0n }).execute();
    const increment = (pool: Kysely<Tables>) =>
      inTransaction(
        pool,
        async (trx) => {
          const { balance } = await trx
            .selectFrom("account")
            .select("balance")
            .where("name", "=", "shared")
            .executeTakeFirstOrThrow();
          await trx
            .updateTable("account")
            .set({ balance: balance + 1n })
            .where("name", "=", "shared")
            .execute();
        },
        { isolation: "serializable", attempts: 100 },
      );
    await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 === 0 ? db() : other)));
    const { balance } = await db()
      .selectFrom("account")
      .select("balance")
      .where("name", "=", "shared")
      .executeTakeFirstOrThrow();
    expect(balance).toBe(20n);
  });
}

function describeMigrations({ db, server }: Suite): void {
  it("migrates twice without effect, and onwards", async () => {
    await migrate(db(), { schema, migrations });
    const more = {
      ...migrations,
      "003_note": {
        up: async (trx: Kysely<unknown>): Promise<void> => {
          await trx.schema.alterTable("account").addColumn("note", "text").execute();
        },
      },
    };
    await migrate(db(), { schema, migrations: more });
    const { rows } = await sql<{ found: boolean }>`select exists (
      select 1 from information_schema.columns where table_schema = ${schema}
      and table_name = 'account' and column_name = 'note') as found`.execute(db());
    expect(rows[0]?.found).toBe(true);
    const older = migrate(db(), { schema, migrations });
    await expect(older).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    await expect(older).rejects.toThrow("003_note");
  });

  it("leaves nothing behind of one that fails, and goes on there", async () => {
    const other = server().connect<unknown>("broken");
    const first = { up: (trx: Kysely<unknown>) => trx.schema.createTable("t").execute() };
    const bad = async (trx: Kysely<unknown>): Promise<void> => {
      await trx.schema.createTable("half").execute();
      await sql`select nonsense`.execute(trx);
    };
    const broken = { schema: "broken", migrations: { "001_ok": first, "002_bad": { up: bad } } };
    await expect(migrate(other, broken)).rejects.toThrow("002_bad");
    expect(await schemaState(other, broken)).toEqual({
      state: "behind",
      applied: ["001_ok"],
      missing: ["002_bad"],
      unknown: [],
    });
    const good = { up: (trx: Kysely<unknown>) => trx.schema.createTable("half").execute() };
    const mended = { schema: "broken", migrations: { "001_ok": first, "002_bad": good } };
    await migrate(other, mended);
    expect(await schemaState(other, mended)).toMatchObject({ state: "current", missing: [] });
  });

  it("tells a schema that is not there, and one of a newer build", async () => {
    const options = { schema: "unborn", migrations };
    const names = Object.keys(migrations);
    const none = { state: "behind", applied: [], missing: names, unknown: [] };
    expect(await schemaState(db(), options)).toEqual(none);
    const newer = { schema: "suite", migrations: { "001_account": migrations["001_account"] } };
    expect(await schemaState(db(), newer)).toMatchObject({
      state: "ahead",
      applied: ["001_account"],
      missing: [],
      unknown: ["002_messages", "003_note"],
    });
  });

  it("refuses a migration that should have run before another that has", async () => {
    const late = {
      ...migrations,
      "000_early": { up: () => Promise.resolve() },
      "003_note": nothing,
    };
    await expect(migrate(db(), { schema, migrations: late })).rejects.toMatchObject({
      reason: "FAILED_PRECONDITION",
    });
  });

  it("keeps schemas apart", async () => {
    const other = server().connect<Tables>("elsewhere");
    await migrate(other, {
      schema: "elsewhere",
      migrations: { "001_account": migrations["001_account"] },
    });
    await other.insertInto("account").values({ name: "here", balance: 1n }).execute();
    expect(await other.selectFrom("account").select("name").execute()).toEqual([{ name: "here" }]);
    const rows = await db()
      .selectFrom("account")
      .select("name")
      .where("name", "=", "here")
      .execute();
    expect(rows).toEqual([]);
  });
}

function describeLocks({ db, server }: Suite): void {
  it("gives a lock to one at a time", async () => {
    const other = server().connect<Tables>(schema);
    const lock = await tryAdvisoryLock(db(), "sweep");
    expect(lock).toBeDefined();
    expect(await tryAdvisoryLock(other, "sweep")).toBeUndefined();
    expect(await tryAdvisoryLock(db(), "sweep")).toBeUndefined();
    const unrelated = await tryAdvisoryLock(other, "roll up");
    expect(unrelated).toBeDefined();
    await Promise.all([lock?.release(), lock?.release(), unrelated?.release()]);
    const again = await tryAdvisoryLock(other, "sweep");
    expect(again?.lost.aborted).toBe(false);
    await again?.release();
  });

  it("waits for a lock, and stops waiting when aborted", async () => {
    const lock = await tryAdvisoryLock(db(), "wait");
    const abort = new AbortController();
    const options = { retryMs: 5 };
    const aborted = withAdvisoryLock(db(), "wait", async () => "never", {
      ...options,
      signal: abort.signal,
    });
    const waiting = withAdvisoryLock(db(), "wait", async () => "ran", options);
    abort.abort("no longer");
    await expect(aborted).rejects.toBe("no longer");
    await lock?.release();
    expect(await waiting).toBe("ran");
  });
}
