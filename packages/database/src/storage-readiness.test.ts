import { recordingObservability } from "@penstock/observability";
import { HealthRegistry, systemClock } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { migrate } from "./migrate.ts";
import { openDatabaseServer } from "./open-database.ts";
import type { DatabaseServer } from "./open-database.ts";
import { superviseStorage, untilStorageReady } from "./storage-readiness.ts";
import { openTestDatabase } from "./test-database.ts";

const schema = "readiness";
const migrations = {
  "0001-first": {
    up: async (trx: Kysely<unknown>): Promise<void> => {
      await trx.schema.createTable("readiness.thing").addColumn("x", "integer").execute();
    },
  },
};
const waiting = { migrate: false, patient: true };

let server: DatabaseServer;
let db: Kysely<unknown>;
let health: HealthRegistry;
beforeAll(async () => {
  server = await openTestDatabase();
  db = server.connect(schema);
});
afterAll(() => server.close());
beforeEach(async () => {
  await sql`drop schema if exists readiness cascade`.execute(db);
  health = new HealthRegistry(["database"]);
});

function optionsFor(start: { readonly migrate: boolean; readonly patient: boolean }) {
  const observability = recordingObservability();
  const prepared: string[] = [];
  const prepare = async (): Promise<void> => void prepared.push("prepared");
  const { logger } = observability;
  const clock = systemClock;
  const options = { db, schema, migrations, start, health, clock, logger, prepare };
  return { options, prepared, observability };
}

describe("the storage of a service", () => {
  it("is migrated where the start says so", async () => {
    const { options, prepared } = optionsFor({ migrate: true, patient: false });
    await untilStorageReady(options);
    expect(prepared).toEqual(["prepared"]);
    expect(health.ready()).toBe(true);
  });

  it("is waited for while a migration is missing, which says what to do", async () => {
    const { options, prepared } = optionsFor(waiting);
    const ready = untilStorageReady(options);
    await vi.waitFor(() =>
      expect(health.report().components[0]?.detail).toBe(
        "schema readiness: lacks 0001-first; run: penstock migrate",
      ),
    );
    expect(prepared).toEqual([]);
    await migrate(db, { schema, migrations });
    await ready;
    expect(health.ready()).toBe(true);
  });

  it("of a newer build is refused, however patient the start is", async () => {
    const newer = { "0002-newer": { up: async (): Promise<void> => {} } };
    await migrate(db, { schema, migrations: { ...migrations, ...newer } });
    const { options } = optionsFor(waiting);
    await expect(untilStorageReady(options)).rejects.toMatchObject({
      reason: "FAILED_PRECONDITION",
      message: expect.stringContaining("newer build (0002-newer)") as string,
    });
    expect(health.ready()).toBe(false);
  });

  it("is waited for while its server is away, until the signal ends that", async () => {
    const { options, observability } = optionsFor(waiting);
    const url = "postgres://nobody@127.0.0.1:1/none";
    const { logger } = observability;
    const away = await openDatabaseServer({ url, dataDir: "", logger });
    const stop = new AbortController();
    const ready = untilStorageReady({ ...options, db: away.connect(schema) }, stop.signal);
    await vi.waitFor(() =>
      expect(health.report().components[0]?.detail).toContain("can't be used (ECONNREFUSED)"),
    );
    stop.abort(new Error("enough"));
    await expect(ready).rejects.toThrow();
    await away.close();
  });

  it("that is embedded is not asked whether it is there", async () => {
    const { options } = optionsFor(waiting);
    await superviseStorage(options, new AbortController().signal);
    expect(health.report().components[0]?.detail).toBe("not started");
  });
});
