import type { ConnectRouter } from "@connectrpc/connect";
import type { Bus } from "@penstock/bus";
import type { DatabaseServer } from "@penstock/database";
import { toStorageError } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import { createPageTokens } from "@penstock/rpc";
import type { Identity, PageTokens } from "@penstock/rpc";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { registerRoutes } from "./api/register-routes.ts";
import { ChangeWriter } from "./changes/change-writer.ts";
import type { PolicyConfig } from "./config.ts";
import { createPolicyEvents } from "./events.ts";
import type { PolicyEvents } from "./events.ts";
import { startHousekeeping } from "./publish/housekeeping.ts";
import type { Housekeeping } from "./publish/housekeeping.ts";
import { RouterRegistry } from "./rollout/router-registry.ts";
import { connectStorage, prepareStorage } from "./storage/open-storage.ts";
import type { InstallationIdentity, PolicyDatabase } from "./storage/open-storage.ts";
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
}

/** The owner of intent. */
export interface PolicyService {
  /** Registers every RPC; calls before `start` resolved get NOT_READY. */
  routes(router: ConnectRouter): void;
  /** Prepares the database, waiting for it if need be; the bus is joined in the background. */
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
  /** Stops what runs in the background; what is committed and unpublished waits in the outbox. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const retryMs = 500;

/** Builds the service; nothing runs before `start`. */
export async function createPolicyService(deps: PolicyServiceDependencies): Promise<PolicyService> {
  const { clock, bus, database, observability } = deps;
  const db = connectStorage(database);
  const events = createPolicyEvents(observability);
  const routers = new RouterRegistry(clock, events);
  const tokens = createAdminTokens(db, clock);
  const stop = new AbortController();
  let installation: InstallationIdentity | undefined;
  let housekeeping: Housekeeping | undefined;
  let following: Promise<void> | undefined;
  const started = (): InstallationIdentity => installation ?? refuseEarly();
  const onCommitted = (): void => housekeeping?.notify();
  const writer = new ChangeWriter({ db, clock, observability, events, onCommitted });
  const pageTokens = pageTokensOf(started);

  const start = async (signal?: AbortSignal): Promise<void> => {
    installation = await prepareWhenThere(db, clock, events, signal);
    const { installationId } = installation;
    const intervalMs = deps.config.housekeepingIntervalMs;
    const common = { db, bus, clock, observability, events };
    housekeeping = startHousekeeping({ ...common, installationId, intervalMs });
    following = followRouters(routers, { bus, clock, events, signal: stop.signal });
  };
  const close = async (): Promise<void> => {
    stop.abort();
    await Promise.all([housekeeping?.close(), following]);
    await routers.close();
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  return {
    routes: (router) => registerRoutes(router, { db, clock, writer, routers, pageTokens, started }),
    start,
    installationId: () => started().installationId,
    ensureAdminToken: (options = {}) => tokens.ensure(options),
    authenticateAdmin: (token) => tokens.authenticate(token),
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

/** The key is in the database, which is read after the routes are registered. */
function pageTokensOf(started: () => InstallationIdentity): PageTokens {
  let made: PageTokens | undefined;
  const tokens = (): PageTokens => (made ??= createPageTokens(started().pageTokenKey));
  return {
    encode: (cursor, query) => tokens().encode(cursor, query),
    decode: (token, query) => tokens().decode(token, query),
  };
}

async function prepareWhenThere(
  db: PolicyDatabase,
  clock: Clock,
  events: PolicyEvents,
  signal: AbortSignal | undefined,
): Promise<InstallationIdentity> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await prepareStorage(db, clock);
    } catch (thrown) {
      const error = toStorageError(thrown);
      if (!(error instanceof GatewayError) || error.reason !== "UNAVAILABLE") throw error;
      events.backgroundFailed("prepare the database", error);
    }
    await sleep(clock, retryMs, signal);
  }
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
