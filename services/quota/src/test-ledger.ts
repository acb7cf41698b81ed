import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabaseServer } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { quotaKey } from "@penstock/limits";
import { silentObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";

import type { QuotaDefinition } from "./ledger/quota-rule.ts";
import { migrateLedger } from "./storage/migrate-ledger.ts";
import type { QuotaTables } from "./storage/schema.ts";
import { SyncQueue } from "./leases/sync-queue.ts";
import type { Sync, Want } from "./leases/sync.ts";

/** A limit per minute for tests. */
export function limit(name: string, amount: bigint): QuotaDefinition {
  const unit = "requests" as const;
  return {
    name,
    kind: "limit",
    unit,
    amount,
    period: "minute",
    timeZone: "UTC",
    keyFor: (user) => quotaKey(name, user === "" ? {} : { end_user: user }),
  };
}

/** A budget per day for tests. */
export function budget(name: string, amount: bigint, timeZone = "UTC"): QuotaDefinition {
  const keyFor = (): string => name;
  const unit = "nano_usd" as const;
  return { name, kind: "budget", unit, amount, period: "day", timeZone, keyFor };
}

/** A configuration that a test changes as it likes. */
export class TestConfiguration {
  revision = 1n;
  readonly quotas = new Map<string, QuotaDefinition>();

  constructor(...definitions: QuotaDefinition[]) {
    for (const definition of definitions) this.quotas.set(definition.name, definition);
  }

  current() {
    return this;
  }
}

/** One wish. */
export function want(quota: string, needed: bigint, options: Partial<Want> = {}): Want {
  return { quota, needed, wanted: 0n, largestReservation: 1n, demandPerSecond: 0, ...options };
}

/** A sync with the parts that a test does not care about filled in. */
export function sync(parts: Partial<Sync> & Pick<Sync, "holder" | "sequence">): Sync {
  return { epoch: 1n, reports: [], wants: [], retiredEpochs: [], revision: 1n, ...parts };
}

/** An open PGlite in a folder of its own, removed at the end. */
export async function openTestServer(): Promise<DatabaseServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "penstock-quota-"));
  const server = await openDatabaseServer({ dataDir, logger: silentObservability().logger });
  const close = async (): Promise<void> => {
    await server.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { kind: server.kind, failed: server.failed, connect: server.connect, close };
}

/** The ledger alone, on a database, with a clock that stands still. */
export class TestLedger {
  readonly clock = new ManualClock(1_767_225_600_000 + 3_600_000);
  readonly db: Kysely<QuotaTables>;
  readonly configuration: TestConfiguration;
  readonly queue: SyncQueue;

  private constructor(db: Kysely<QuotaTables>, definitions: QuotaDefinition[]) {
    this.db = db;
    this.configuration = new TestConfiguration(...definitions);
    this.queue = new SyncQueue({ db, clock: this.clock, configuration: this.configuration });
  }

  static async create(
    server: DatabaseServer,
    ...definitions: QuotaDefinition[]
  ): Promise<TestLedger> {
    const db = server.connect<QuotaTables>("quota");
    await sql`drop schema if exists quota cascade`.execute(db);
    await migrateLedger(db);
    return new TestLedger(db, definitions);
  }
}
