import { randomBytes } from "node:crypto";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Bus } from "@penstock/bus";
import { agreeOnSetting, superviseStorage, untilStorageReady } from "@penstock/database";
import type { DatabaseServer, StorageStart } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import { createPageTokens } from "@penstock/rpc";
import { HealthRegistry, linkSignals } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";

import { quotaRoutes } from "./api/routes.ts";
import type { QuotaConfig } from "./config.ts";
import { UsageConsumer } from "./consumers/usage-consumer.ts";
import { createQuotaEvents } from "./events.ts";
import type { QuotaConfiguration } from "./ledger/quota-rule.ts";
import { SyncQueue } from "./leases/sync-queue.ts";
import { runSweeper } from "./leases/sweeper.ts";
import { warmUpLeases } from "./leases/warm-up.ts";
import { ledgerSchema } from "./storage/migrate-ledger.ts";
import { schemaName } from "./storage/schema.ts";
import type { QuotaTables } from "./storage/schema.ts";

/** Routers wait 150 ms for a sync: who waits longer for a connection waits for nobody (rule 2.1). */
const waitTimeoutMs = 250;
/** Opened before it is ready: one for syncs, one for usage, and one more. */
const warmConnections = 3;
const embeddedStorage: StorageStart = { migrate: true, patient: false };
const retryAfterMs = 500;

/** What the service is made of. */
export interface QuotaDependencies {
  readonly config: QuotaConfig;
  readonly clock: Clock;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly database: DatabaseServer;
  /** The followed configuration; a SnapshotFollower fits. */
  readonly configuration: QuotaConfiguration;
  readonly observability: Observability;
  /** How it comes to its tables; it migrates them itself when absent. */
  readonly storage?: StorageStart | undefined;
}

/** The running service. */
export interface QuotaService {
  /** Ready once the database can be used, and for as long as it can. */
  readonly health: HealthRegistry;
  /** Registers every RPC; calls before the database was prepared get NOT_READY. */
  routes(router: ConnectRouter): void;
  /**
   * Waits for the database, then consumes usage and sweeps leases until the service is drained.
   * The signal ends the waiting, nothing later. Throws FAILED_PRECONDITION for a schema of a newer
   * build.
   */
  start(signal?: AbortSignal): Promise<void>;
  /** Finishes what is under way. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Wires the service; nothing runs before `start`. */
export async function createQuotaService(dependencies: QuotaDependencies): Promise<QuotaService> {
  const { config, clock, bus, database, configuration } = dependencies;
  const db = database.connect<QuotaTables>(schemaName, { waitTimeoutMs });
  let pageTokenKey: Uint8Array | undefined;
  const started = (): Uint8Array => pageTokenKey ?? refuseEarly();
  const pageTokens = createPageTokens(started);
  const events = createQuotaEvents(dependencies.observability);
  const queue = new SyncQueue({ db, clock, configuration, onBatch: events.syncsAnswered });
  const consumer = new UsageConsumer({ db, bus, clock, configuration, events });
  const stopping = new AbortController();
  const health = new HealthRegistry(["database"]);
  const { logger } = dependencies.observability;
  const stored = { db, ...ledgerSchema, health, clock, logger };
  let supervising: Promise<void> | undefined;
  let sweeping: Promise<void> | undefined;

  const start = async (signal?: AbortSignal): Promise<void> => {
    const prepare = async (): Promise<void> => {
      const macKey = { name: "page_token_key", candidate: randomBytes(32) };
      pageTokenKey = await agreeOnSetting(db, schemaName, macKey);
      // Where quota is in the same process, it is not waited for so briefly.
      if (database.kind === "postgres") {
        await warmUpLeases({ db, clock, connections: warmConnections });
      }
    };
    const storage = dependencies.storage ?? embeddedStorage;
    await untilStorageReady(
      { ...stored, start: storage, prepare },
      linkSignals(stopping.signal, signal),
    );
    supervising = superviseStorage(stored, stopping.signal);
    const { transferRetentionDays } = config;
    const sweeper = { db, clock, configuration, events, transferRetentionDays };
    sweeping = runSweeper(sweeper, stopping.signal);
    await consumer.start(stopping.signal);
  };
  const stop = async (): Promise<void> => {
    await consumer.close();
    stopping.abort(new Error("the quota service stops"));
    await Promise.all([queue.idle(), sweeping, supervising]);
  };
  let stopped: Promise<void> | undefined;
  const stopOnce = (): Promise<void> => (stopped ??= stop());
  const drain = async (deadlineMs: number): Promise<void> => {
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = clock.schedule(deadlineMs, resolve);
    await Promise.race([stopOnce(), expired]);
    timer.cancel();
  };
  return {
    health,
    routes: quotaRoutes({ db, clock, configuration, queue, pageTokens, events, started }),
    start,
    drain,
    [Symbol.asyncDispose]: stopOnce,
  };
}

function refuseEarly(): never {
  const message = "The quota service waits for its database.";
  throw new GatewayError("NOT_READY", message, { retryAfterMs });
}
