import { randomBytes } from "node:crypto";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Bus } from "@penstock/bus";
import { agreeOnSetting } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createPageTokens } from "@penstock/rpc";
import type { Clock } from "@penstock/runtime";

import { telemetryRoutes } from "./api/routes.ts";
import type { TelemetryConfig } from "./config.ts";
import { Arrivals } from "./consumers/arrivals.ts";
import { UsageConsumer } from "./consumers/usage-consumer.ts";
import { createTelemetryEvents } from "./events.ts";
import { PriceHistory } from "./rating/price-history.ts";
import type { PriceConfiguration } from "./rating/price-history.ts";
import { runDropping } from "./rollups/drop-expired.ts";
import { migrateRecords } from "./storage/migrate-records.ts";
import { schemaName } from "./storage/schema.ts";
import type { TelemetryTables } from "./storage/schema.ts";

/** What the service is made of. */
export interface TelemetryDependencies {
  readonly config: TelemetryConfig;
  readonly clock: Clock;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly database: DatabaseServer;
  /** The followed configuration; a SnapshotFollower fits. */
  readonly configuration: PriceConfiguration;
  readonly observability: Observability;
}

/** The running service. */
export interface TelemetryService {
  routes(router: ConnectRouter): void;
  /** Consumes usage and drops old records, until the signal aborts or the service is drained. */
  start(signal?: AbortSignal): Promise<void>;
  /** Finishes what is under way. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// Reports sum many rows; the pool's usual limit of 2 s is meant for requests.
const statementTimeoutMs = 15_000;

/** Opens the records (migrating them) and wires the service; nothing runs before `start`. */
export async function createTelemetryService(
  dependencies: TelemetryDependencies,
): Promise<TelemetryService> {
  const { config, clock, bus, database, configuration } = dependencies;
  const db = database.connect<TelemetryTables>(schemaName, { statementTimeoutMs });
  await migrateRecords(db);
  const macKey = { name: "page_token_key", candidate: randomBytes(32) };
  const pageTokens = createPageTokens(await agreeOnSetting(db, schemaName, macKey));
  const events = createTelemetryEvents(dependencies.observability);
  const arrivals = new Arrivals();
  const prices = new PriceHistory();
  const current = configuration.current();
  if (current !== undefined) prices.note(current);
  const stopFollowing = configuration.onChange((next) => prices.note(next));
  const consumer = new UsageConsumer({ db, bus, clock, prices, arrivals, events });
  const stopping = new AbortController();
  let dropping: Promise<void> | undefined;

  const start = async (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => stopping.abort(signal.reason), {
      once: true,
      signal: stopping.signal,
    });
    const retentionDays = config.usageRetentionDays;
    dropping = runDropping({ db, clock, events, retentionDays }, stopping.signal);
    await consumer.start(stopping.signal);
  };
  const stop = async (): Promise<void> => {
    await consumer.close();
    stopFollowing();
    stopping.abort(new Error("the telemetry service stops"));
    await dropping;
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
    routes: telemetryRoutes({ db, clock, arrivals, pageTokens }),
    start,
    drain,
    [Symbol.asyncDispose]: stopOnce,
  };
}
