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

import { telemetryRoutes } from "./api/routes.ts";
import type { TelemetryConfig } from "./config.ts";
import { Arrivals } from "./consumers/arrivals.ts";
import { UsageConsumer } from "./consumers/usage-consumer.ts";
import { createTelemetryEvents } from "./events.ts";
import { PriceHistory } from "./rating/price-history.ts";
import type { PriceConfiguration } from "./rating/price-history.ts";
import { runDropping } from "./rollups/drop-expired.ts";
import { recordsSchema } from "./storage/migrate-records.ts";
import { schemaName } from "./storage/schema.ts";
import type { TelemetryTables } from "./storage/schema.ts";

const embeddedStorage: StorageStart = { migrate: true, patient: false };
const retryAfterMs = 500;

/** What the service is made of. */
export interface TelemetryDependencies {
  readonly config: TelemetryConfig;
  readonly clock: Clock;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly database: DatabaseServer;
  /** The followed configuration; a SnapshotFollower fits. */
  readonly configuration: PriceConfiguration;
  readonly observability: Observability;
  /** How it comes to its tables; it migrates them itself when absent. */
  readonly storage?: StorageStart | undefined;
}

/** The running service. */
export interface TelemetryService {
  /** Ready once the database can be used, and for as long as it can. */
  readonly health: HealthRegistry;
  /** Registers every RPC; calls before the database was prepared get NOT_READY. */
  routes(router: ConnectRouter): void;
  /**
   * Waits for the database, then consumes usage and drops old records until the service is
   * drained. The signal ends the waiting, nothing later. Throws FAILED_PRECONDITION for a schema of
   * a newer build.
   */
  start(signal?: AbortSignal): Promise<void>;
  /** Finishes what is under way. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// Reports sum many rows; the pool's usual limit of 2 s is meant for requests.
const statementTimeoutMs = 15_000;

/** Wires the service; nothing runs before `start`. */
export async function createTelemetryService(
  dependencies: TelemetryDependencies,
): Promise<TelemetryService> {
  const { config, clock, bus, database, configuration } = dependencies;
  const db = database.connect<TelemetryTables>(schemaName, { statementTimeoutMs });
  let pageTokenKey: Uint8Array | undefined;
  const started = (): Uint8Array => pageTokenKey ?? refuseEarly();
  const pageTokens = createPageTokens(started);
  const events = createTelemetryEvents(dependencies.observability);
  const arrivals = new Arrivals();
  const prices = new PriceHistory();
  const current = configuration.current();
  if (current !== undefined) prices.note(current);
  const stopFollowing = configuration.onChange((next) => prices.note(next));
  const consumer = new UsageConsumer({ db, bus, clock, prices, arrivals, events });
  const stopping = new AbortController();
  const health = new HealthRegistry(["database"]);
  const { logger } = dependencies.observability;
  const stored = { db, ...recordsSchema, health, clock, logger };
  let supervising: Promise<void> | undefined;
  let dropping: Promise<void> | undefined;

  const start = async (signal?: AbortSignal): Promise<void> => {
    const prepare = async (): Promise<void> => {
      const macKey = { name: "page_token_key", candidate: randomBytes(32) };
      pageTokenKey = await agreeOnSetting(db, schemaName, macKey);
    };
    const storage = dependencies.storage ?? embeddedStorage;
    await untilStorageReady(
      { ...stored, start: storage, prepare },
      linkSignals(stopping.signal, signal),
    );
    supervising = superviseStorage(stored, stopping.signal);
    const retentionDays = config.usageRetentionDays;
    dropping = runDropping({ db, clock, events, retentionDays }, stopping.signal);
    await consumer.start(stopping.signal);
  };
  const stop = async (): Promise<void> => {
    await consumer.close();
    stopFollowing();
    stopping.abort(new Error("the telemetry service stops"));
    await Promise.all([dropping, supervising]);
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
    routes: telemetryRoutes({ db, clock, arrivals, pageTokens, started }),
    start,
    drain,
    [Symbol.asyncDispose]: stopOnce,
  };
}

function refuseEarly(): never {
  const message = "The telemetry service waits for its database.";
  throw new GatewayError("NOT_READY", message, { retryAfterMs });
}
