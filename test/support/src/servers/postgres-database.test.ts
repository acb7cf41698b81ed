import { migrate, openDatabaseServer, tryAdvisoryLock } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { describeDatabase } from "@penstock/database/testing";
import { silentObservability } from "@penstock/observability";
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
    let runs = 0;
    const up = async (db: Kysely<unknown>): Promise<void> => {
      runs += 1;
      await sql`select pg_sleep(0.2)`.execute(db);
      await db.schema.createTable("t").addColumn("x", "bigint").execute();
    };
    const options = { schema: "together", migrations: { "001_t": { up } } };
    await Promise.all(
      replicas.map((replica) => migrate(replica.connect<unknown>("together"), options)),
    );
    expect(runs).toBe(1);
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
