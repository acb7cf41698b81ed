import type { ConnectRouter } from "@connectrpc/connect";
import type { Bus } from "@penstock/bus";
import type { DatabaseServer, StorageStart } from "@penstock/database";
import { superviseStorage, untilStorageReady } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import { createPageTokens } from "@penstock/rpc";
import type { Identity } from "@penstock/rpc";
import { HealthRegistry, linkSignals, sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { registerRoutes } from "./api/register-routes.ts";
import { ChangeWriter } from "./changes/change-writer.ts";
import type { PolicyConfig } from "./config.ts";
import { createPolicyEvents } from "./events.ts";
import type { PolicyEvents } from "./events.ts";
import { startHousekeeping } from "./publish/housekeeping.ts";
import type { Housekeeping } from "./publish/housekeeping.ts";
import { RouterRegistry } from "./rollout/router-registry.ts";
import { policySchema } from "./storage/migrate-policy.ts";
import { connectStorage, settleInstallation } from "./storage/open-storage.ts";
import type { InstallationIdentity } from "./storage/open-storage.ts";
import { createAdminTokens } from "./tokens/admin-tokens.ts";
import type { EnsureAdminTokenOptions } from "./tokens/admin-tokens.ts";

/** What the service is made of. */
export interface PolicyServiceDependencies {
  readonly config: PolicyConfig;
  readonly clock: Clock;
  readonly bus: Bus;
  /** Not closed by the service. */
  readonly database: DatabaseServer;
  readonly observability: Observability;
  /** How it comes to its tables; it migrates them itself when absent. */
  readonly storage?: StorageStart | undefined;
}

/** The owner of intent. */
export interface PolicyService {
  /** Ready once the database can be used, and for as long as it can. */
  readonly health: HealthRegistry;
  /** Registers every RPC; calls before `start` resolved get NOT_READY. */
  routes(router: ConnectRouter): void;
  /**
   * Waits for the database; the bus is joined in the background. Throws FAILED_PRECONDITION for a
   * schema of a newer build.
   */
  start(signal?: AbortSignal): Promise<void>;
  /** Id of the installation, made at its first start. Throws NOT_READY before `start` resolved. */
  installationId(): string;
  /**
   * Sees to it that there is a token with role admin: `token` if given, else one made at the
   * first start. Gives the clear text of a token given or made now, otherwise undefined.
   */
  ensureAdminToken(options?: EnsureAdminTokenOptions): Promise<string | undefined>;
  /** The identity of an administrator's token; undefined for any other text. */
  authenticateAdmin(token: string): Promise<Identity | undefined>;
  /** Ends calls that wait for others, as AwaitRevision does, with DRAINING; also those to come. */
  endWaits(): void;
  /** Stops what runs in the background; what is committed and unpublished waits in the outbox. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const retryMs = 500;
const embeddedStorage: StorageStart = { migrate: true, patient: false };

/** Builds the service; nothing runs before `start`. */
export async function createPolicyService(deps: PolicyServiceDependencies): Promise<PolicyService> {
  const { clock, bus, database, observability } = deps;
  const db = connectStorage(database);
  const events = createPolicyEvents(observability);
  const routers = new RouterRegistry(clock, events);
  const tokens = createAdminTokens(db, clock);
  const stop = new AbortController();
  const stopWaiting = new AbortController();
  const waits = stopWaiting.signal;
  let installation: InstallationIdentity | undefined;
  let housekeeping: Housekeeping | undefined;
  let following: Promise<void> | undefined;
  const started = (): InstallationIdentity => installation ?? refuseEarly();
  const onCommitted = (): void => housekeeping?.notify();
  const writer = new ChangeWriter({ db, clock, observability, events, onCommitted });
  const pageTokens = createPageTokens(() => started().pageTokenKey);

  const health = new HealthRegistry(["database"]);
  const { logger } = observability;
  const stored = { db, ...policySchema, health, clock, logger };
  let supervising: Promise<void> | undefined;

  const start = async (signal?: AbortSignal): Promise<void> => {
    let settled: InstallationIdentity | undefined;
    const prepare = async (): Promise<void> => {
      settled = await settleInstallation(db, clock);
    };
    const storage = deps.storage ?? embeddedStorage;
    await untilStorageReady(
      { ...stored, start: storage, prepare },
      linkSignals(stop.signal, signal),
    );
    installation = settled;
    const { installationId } = started();
    const intervalMs = deps.config.housekeepingIntervalMs;
    const common = { db, bus, clock, observability, events, health };
    housekeeping = startHousekeeping({ ...common, installationId, intervalMs });
    following = followRouters(routers, { bus, clock, events, signal: stop.signal });
    supervising = superviseStorage(stored, stop.signal);
  };
  const close = async (): Promise<void> => {
    stop.abort();
    await Promise.all([housekeeping?.close(), following, supervising]);
    await routers.close();
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  return {
    health,
    routes: (router) =>
      registerRoutes(router, { db, clock, writer, routers, pageTokens, tokens, waits, started }),
    start,
    installationId: () => started().installationId,
    ensureAdminToken: (options = {}) => tokens.ensure(options),
    authenticateAdmin: (token) => tokens.authenticate(token),
    endWaits: () => {
      const message = "This policy service ends; ask again.";
      stopWaiting.abort(new GatewayError("DRAINING", message, { retryAfterMs: retryMs }));
    },
    drain: async (deadlineMs) => {
      const closed = new AbortController();
      const deadline = sleep(clock, deadlineMs, closed.signal).catch(() => {});
      await Promise.race([closeOnce(), deadline]);
      closed.abort();
    },
    [Symbol.asyncDispose]: closeOnce,
  };
}

function refuseEarly(): never {
  throw new GatewayError("NOT_READY", "The policy service waits for its database.", {
    retryAfterMs: retryMs,
  });
}

interface FollowOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly events: PolicyEvents;
  readonly signal: AbortSignal;
}

async function followRouters(registry: RouterRegistry, options: FollowOptions): Promise<void> {
  const { bus, clock, events, signal } = options;
  while (!signal.aborted) {
    try {
      return await registry.start(bus.routers, signal);
    } catch (error) {
      if (signal.aborted) return;
      events.backgroundFailed("follow routers", error);
    }
    await sleep(clock, retryMs, signal).catch(() => {});
  }
}
