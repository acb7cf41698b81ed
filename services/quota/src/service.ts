import { randomBytes } from "node:crypto";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Bus } from "@penstock/bus";
import { agreeOnSetting } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createPageTokens } from "@penstock/rpc";
import type { Clock } from "@penstock/runtime";

import { quotaRoutes } from "./api/routes.ts";
import type { QuotaConfig } from "./config.ts";
import { UsageConsumer } from "./consumers/usage-consumer.ts";
import { createQuotaEvents } from "./events.ts";
import type { QuotaConfiguration } from "./ledger/quota-rule.ts";
import { SyncQueue } from "./leases/sync-queue.ts";
import { runSweeper } from "./leases/sweeper.ts";
import { migrateLedger } from "./storage/migrate-ledger.ts";
import { schemaName } from "./storage/schema.ts";
import type { QuotaTables } from "./storage/schema.ts";

/** What the service is made of. */
export interface QuotaDependencies {
  readonly config: QuotaConfig;
  readonly clock: Clock;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly database: DatabaseServer;
  /** The followed configuration; a SnapshotFollower fits. */
  readonly configuration: QuotaConfiguration;
  readonly observability: Observability;
}

/** The running service. */
export interface QuotaService {
  routes(router: ConnectRouter): void;
  /** Consumes usage and sweeps leases, until the signal aborts or the service is drained. */
  start(signal?: AbortSignal): Promise<void>;
  /** Finishes what is under way. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens the ledger (migrating it) and wires the service; nothing runs before `start`. */
export async function createQuotaService(dependencies: QuotaDependencies): Promise<QuotaService> {
  const { config, clock, bus, database, configuration } = dependencies;
  const db = database.connect<QuotaTables>(schemaName);
  await migrateLedger(db);
  const macKey = { name: "page_token_key", candidate: randomBytes(32) };
  const pageTokens = createPageTokens(await agreeOnSetting(db, schemaName, macKey));
  const events = createQuotaEvents(dependencies.observability);
  const queue = new SyncQueue({ db, clock, configuration, onBatch: events.syncsAnswered });
  const consumer = new UsageConsumer({ db, bus, clock, configuration, events });
  const stopping = new AbortController();
  let sweeping: Promise<void> | undefined;

  const start = async (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => stopping.abort(signal.reason), {
      once: true,
      signal: stopping.signal,
    });
    const { transferRetentionDays } = config;
    const sweeper = { db, clock, configuration, events, transferRetentionDays };
    sweeping = runSweeper(sweeper, stopping.signal);
    await consumer.start(stopping.signal);
  };
  const stop = async (): Promise<void> => {
    await consumer.close();
    stopping.abort(new Error("the quota service stops"));
    await Promise.all([queue.idle(), sweeping]);
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
    routes: quotaRoutes({ db, clock, configuration, queue, pageTokens, events }),
    start,
    drain,
    [Symbol.asyncDispose]: stopOnce,
  };
}
