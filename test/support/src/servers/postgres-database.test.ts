import {
  appendOutbox,
  createOutboxTable,
  inTransaction,
  migrate,
  openDatabaseServer,
  relayOutbox,
  schemaState,
  superviseStorage,
  tryAdvisoryLock,
} from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { describeDatabase } from "@penstock/database/testing";
import { silentObservability } from "@penstock/observability";
import { HealthRegistry, ManualClock } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startPostgres } from "./postgres.ts";
import type { PostgresServer } from "./postgres.ts";
import { serverLane } from "./server-lane.ts";

const { logger } = silentObservability();
const lane = serverLane("postgres");

function open(url: string): Promise<DatabaseServer> {
  return openDatabaseServer({ url, dataDir: "unused", logger });
}

lane.describe("PostgreSQL", () => {
  describeDatabase("PostgreSQL", async () => {
    const postgres = await startPostgres();
    const server = await open(await postgres.createDatabase("suite"));
    const close = async (): Promise<void> => {
      await server.close();
      await postgres.stop();
    };
    return { server, close };
  });
});

// What PGlite cannot show: it has one session, so nothing ever runs at the same time.
lane.describe("PostgreSQL with several replicas", () => {
  let postgres: PostgresServer;
  let replicas: DatabaseServer[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
    const url = await postgres.createDatabase("replicas");
    replicas = await Promise.all([open(url), open(url), open(url)]);
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await postgres?.stop();
  });

  it("migrates once when all start together", async () => {
    const runs: string[] = [];
    const step = (name: string) => ({
      up: async (db: Kysely<unknown>): Promise<void> => {
        runs.push(name);
        await sql`select pg_sleep(0.1)`.execute(db);
        await db.schema.createTable(name).addColumn("x", "bigint").execute();
      },
    });
    const names = ["001_a", "002_b", "003_c"];
    const migrations = Object.fromEntries(names.map((name) => [name, step(name)]));
    const options = { schema: "together", migrations };
    const pools = replicas.map((replica) => replica.connect<unknown>("together"));
    await Promise.all(pools.map((db) => migrate(db, options)));
    expect(runs).toEqual(names);
    const states = await Promise.all(pools.map((db) => schemaState(db, options)));
    for (const state of states) expect(state).toMatchObject({ state: "current", applied: names });
  });

  it("migrates a table in use without making others wait for it", async () => {
    const [using, working, migrating] = replicas.map((replica) => replica.connect("busy"));
    const up = async (db: Kysely<unknown>): Promise<void> => {
      await sql`create table busy.t (x bigint)`.execute(db);
    };
    const wider = async (db: Kysely<unknown>): Promise<void> => {
      await sql`alter table busy.t add column y bigint`.execute(db);
    };
    const migrations = { "001_t": { up } };
    await migrate(migrating!, { schema: "busy", migrations });
    const used = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const dump = using!.transaction().execute(async (trx) => {
      await sql`lock table busy.t in access share mode`.execute(trx);
      taken.resolve();
      await used.promise;
    });
    await taken.promise;
    let migrated = false;
    const next = { schema: "busy", migrations: { ...migrations, "002_y": { up: wider } } };
    const migration = migrate(migrating!, next).then(() => (migrated = true));
    try {
      for (let count = 0; count < 15; count += 1) {
        await sql`insert into busy.t values (1)`.execute(working!);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(migrated).toBe(false);
    } finally {
      used.resolve();
    }
    await dump;
    await migration;
    await sql`insert into busy.t (x, y) values (1, 2)`.execute(working!);
  });

  it("is not ready for a build whose schema a newer one has changed meanwhile", async () => {
    const [running, newer] = replicas.map((replica) => replica.connect("renewed"));
    const nothing = { up: () => Promise.resolve() };
    const options = { schema: "renewed", migrations: { "001_now": nothing } };
    await migrate(running!, options);
    const clock = new ManualClock();
    const health = new HealthRegistry(["database"]);
    const stop = new AbortController();
    const supervising = superviseStorage(
      { db: running!, ...options, health, clock, logger },
      stop.signal,
    );
    const passes = (check: () => void) =>
      vi.waitFor(
        () => {
          clock.advance(5_000);
          check();
        },
        { timeout: 10_000 },
      );
    await passes(() => expect(health.ready()).toBe(true));
    await migrate(newer!, {
      ...options,
      migrations: { ...options.migrations, "002_new": nothing },
    });
    await passes(() => {
      expect(health.ready()).toBe(false);
      expect(health.report().components[0]?.detail).toBe(
        "schema renewed: was changed by a newer build (002_new); start that build",
      );
    });
    await sql`delete from renewed.kysely_migration where name = '002_new'`.execute(newer!);
    await passes(() => expect(health.ready()).toBe(true));
    stop.abort();
    await supervising;
  });

  it("migrates on where another was killed half-way", async () => {
    const [one, two] = replicas.map((replica) => replica.connect<unknown>("halfway"));
    const table = { up: (db: Kysely<unknown>) => db.schema.createTable("t").execute() };
    const dying = async (db: Kysely<unknown>): Promise<void> => {
      await db.schema.createTable("lost").execute();
      await sql`select pg_terminate_backend(pg_backend_pid())`.execute(db);
    };
    const migrations = { "001_t": table, "002_lost": { up: dying } };
    await expect(migrate(one!, { schema: "halfway", migrations })).rejects.toThrow();
    const lost = { up: (db: Kysely<unknown>) => db.schema.createTable("lost").execute() };
    const next = { schema: "halfway", migrations: { "001_t": table, "002_lost": lost } };
    await migrate(two!, next);
    expect((await schemaState(two!, next)).state).toBe("current");
  });

  it("ends a statement that takes longer than a request may", async () => {
    const db = replicas[0]!.connect("public", { statementTimeoutMs: 50 });
    await expect(sql`select pg_sleep(5)`.execute(db)).rejects.toMatchObject({ code: "57014" });
  });

  it("tells the holder of a lock that its session broke", async () => {
    const db = replicas[0]!.connect("public");
    const other = replicas[1]!.connect("public");
    const lock = await tryAdvisoryLock(db, "relay");
    expect(await tryAdvisoryLock(other, "relay")).toBeUndefined();
    await sql`select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and granted`.execute(other);
    await vi.waitFor(() => expect(lock?.lost.aborted).toBe(true));
    const next = await tryAdvisoryLock(other, "relay");
    expect(next).toBeDefined();
    await next?.release();
  });

  it("asks who holds a lock without a session for each look", async () => {
    const db = replicas[0]!.connect("public");
    const lock = await tryAdvisoryLock(db, "looked at");
    const other = replicas[1]!.connect("watcher");
    for (let look = 0; look < 3; look += 1) {
      expect(await tryAdvisoryLock(other, "looked at")).toBeUndefined();
    }
    const { rows } = await sql<{ name: string }>`select application_name as name
      from pg_stat_activity where application_name like 'penstock-watcher%'`.execute(db);
    expect(rows).toEqual([{ name: "penstock-watcher" }]);
    await lock?.release();
    await vi.waitFor(async () => {
      const next = await tryAdvisoryLock(other, "looked at");
      expect(next).toBeDefined();
      await next?.release();
    });
  });

  it("publishes an outbox by one relay at a time, and by another when its session dies", async () => {
    const schema = "relayed";
    const up = (db: Kysely<unknown>): Promise<void> => createOutboxTable(db, schema);
    const pools = replicas.map((replica) => replica.connect<unknown>(schema));
    await migrate(pools[0]!, { schema, migrations: { "001_outbox": { up } } });
    const published: { relay: number; id: string }[] = [];
    const relays = pools.slice(0, 2).map((db, relay) =>
      relayOutbox({
        db,
        schema,
        batchSize: 5,
        pollMs: 20,
        logger,
        publish: (rows, signal) => {
          signal.throwIfAborted();
          published.push(...rows.map(({ id }) => ({ relay, id })));
          return Promise.resolve(rows.length);
        },
      }),
    );
    const ids = Array.from({ length: 60 }, (_, index) => `m${String(index).padStart(2, "0")}`);
    for (const [index, id] of ids.entries()) {
      const message = { id, subject: "s", payload: null };
      await inTransaction(pools[2]!, (trx) => appendOutbox(trx, schema, [message]));
      if (index === 30) {
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'penstock-relayed-lock'`.execute(pools[2]!);
      }
    }
    await vi.waitFor(() => expect(published.at(-1)?.id).toBe(ids.at(-1)), 10_000);
    // Once or more, and never one before another that was committed earlier.
    expect(published.map(({ id }) => id).toSorted()).toEqual(published.map(({ id }) => id));
    expect(new Set(published.map(({ id }) => id)).size).toBe(ids.length);
    const changes = published.filter(({ relay }, at) => relay !== published[at - 1]?.relay);
    expect(changes.length).toBeLessThanOrEqual(3);
    await Promise.all(relays.map((relay) => relay.close()));
  });

  it("goes on after the server was killed and came back", async () => {
    const db = replicas[0]!.connect("public");
    await sql`create table public.kept as select 1 as x`.execute(db);
    await postgres.kill();
    await expect(sql`select 1`.execute(db)).rejects.toThrow();
    await postgres.restart();
    const read = async () => (await sql`select x from public.kept`.execute(db)).rows;
    await vi.waitFor(async () => expect(await read()).toEqual([{ x: 1 }]), 5_000);
  });
});
