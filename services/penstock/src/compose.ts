// All roles in one process, over the same ports and interceptors as when they are apart:
//   bus, simulator, database            begun before this file was even read
//   policy  → admin token, follower     intent, and everybody's view of it
//   quota, telemetry, the demo          beside one another
//   router                              doors open; ready when it has a view and leases
//   control server                      policy, quota and telemetry on one port
// What was built is taken down in the opposite order, also when the start fails half-way.
import type { ConnectRouter } from "@connectrpc/connect";
import { openBus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { DatabaseServer } from "@penstock/database";
import { createPolicyService, readPolicyConfig } from "@penstock/policy";
import { createQuotaService, readQuotaConfig } from "@penstock/quota";
import type { RouterAddresses, RouterService } from "@penstock/router";
import { createInProcessTransport, startConnectServer } from "@penstock/rpc";
import type { ServingOptions } from "@penstock/rpc";
import { generateKey, Secret } from "@penstock/runtime";
import { createTelemetryService, readTelemetryConfig } from "@penstock/telemetry";
import { settleAdminToken } from "./admin-token.ts";
import type { ControlClients } from "./api/clients.ts";
import {
  createControlClients,
  createLeaseClient,
  createRouterClient,
  createSnapshotClient,
} from "./api/clients.ts";
import { takeReplicaIdentity } from "./replica-identity.ts";
import { serveHealth } from "./serve-health.ts";
import type { StartSettings } from "./settings.ts";
import { createRouter, followConfiguration, identify, startSimulator } from "./start-roles.ts";
import type { RoleOptions } from "./start-roles.ts";

/** What the process is composed from. */
export interface ComposeOptions extends RoleOptions {
  /** Being opened since before; closed by the composition. */
  readonly database: Promise<DatabaseServer>;
  /** Token of an earlier start. */
  readonly knownAdminToken: string | undefined;
  /** Runs as soon as the configuration can be changed, while the rest is still starting. */
  prepare(parts: {
    readonly clients: ControlClients;
    readonly simulatorUrl: string;
  }): Promise<void>;
}

/** All roles, running. */
export interface Composition {
  readonly addresses: RouterAddresses & { readonly controlPort: number };
  readonly simulatorUrl: string;
  readonly adminToken: string;
  /** As the administrator, without the network. */
  readonly clients: ControlClients;
  readonly configuration: SnapshotFollower;
  readonly router: RouterService;
  /** Looks into the router, as the administrator, without the network. */
  readonly routerClient: ReturnType<typeof createRouterClient>;
  /** Takes nothing new; what is open has until the deadline, or until `hurry` aborts. */
  stop(deadlineMs: number, hurry?: AbortSignal): Promise<void>;
}

/** Starts every role; resolves when the doors are open. The signal ends the start, nothing later. */
export async function compose(options: ComposeOptions, signal: AbortSignal): Promise<Composition> {
  const parts = new AsyncDisposableStack();
  parts.defer(async () => (await options.database).close());
  try {
    return await composeInto(parts, options, signal);
  } catch (thrown) {
    await parts.disposeAsync();
    throw thrown;
  }
}

async function composeInto(
  parts: AsyncDisposableStack,
  options: ComposeOptions,
  signal: AbortSignal,
): Promise<Composition> {
  const { settings, clock, observability } = options;
  const identity = takeReplicaIdentity(settings.dataDir, settings.replica);
  const { logger } = observability;
  const bus = await openBus({ url: settings.busUrl, name: identity.replica, clock, logger });
  parts.defer(() => bus.close());
  const simulatorUrl = await startSimulator(parts, settings, clock);
  const common = { clock, bus, database: await options.database, observability };
  const policy = parts.use(await createPolicyService({ ...common, config: readPolicyConfig() }));
  await policy.start(signal);
  const token = settings.serviceToken ?? new Secret(generateKey("pst").text);
  const authenticate = identify(token, policy.authenticateAdmin);
  const serving = { observability, authenticate };
  const inProcess = inProcessTransports(parts, serving);
  const snapshots = createSnapshotClient(inProcess(policy.routes, token));
  const configuration = followConfiguration(parts, options, { identity, bus, snapshots });
  await configuration.start();
  const adminToken = await settleAdminToken(policy, settings.adminToken, options.knownAdminToken);
  const admin = new Secret(adminToken);
  const policyClients = createControlClients(inProcess(policy.routes, admin));
  const prepared = options.prepare({ clients: policyClients, simulatorUrl });
  const controlled = { ...common, configuration };
  const [quota, telemetry] = await settled([
    createQuotaService({ ...controlled, config: readQuotaConfig() }),
    createTelemetryService({ ...controlled, config: readTelemetryConfig() }),
    prepared,
  ]);
  parts.use(quota);
  parts.use(telemetry);
  const leases = createLeaseClient(inProcess(quota.routes, token));
  const router = createRouter(options, { identity, bus, configuration, authenticate, leases });
  parts.use(router);
  const routes = (connect: ConnectRouter): void => {
    for (const service of [policy, quota, telemetry]) service.routes(connect);
  };
  const [addresses, controlPort] = await settled([
    router.start(),
    openControlPort(parts, { settings, serving, routes }),
    quota.start(),
    telemetry.start(),
  ]);
  return {
    addresses: { ...addresses, controlPort },
    simulatorUrl,
    adminToken,
    clients: createControlClients(inProcess(routes, admin)),
    configuration,
    router,
    routerClient: createRouterClient(inProcess(router.routes, admin)),
    stop: async (deadlineMs, hurry) => {
      await drainRouter(router, deadlineMs, hurry);
      await Promise.all([policy, quota, telemetry].map((service) => service.drain(deadlineMs)));
      await parts.disposeAsync();
    },
  };
}

/** Like Promise.all, but nothing is still running when it throws. */
async function settled<const Values extends readonly unknown[]>(
  promises: Values,
): Promise<{ -readonly [Index in keyof Values]: Awaited<Values[Index]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/** Calls inside the process pass the gate, the interceptors and the bounds of a port. */
function inProcessTransports(parts: AsyncDisposableStack, serving: ServingOptions) {
  return (routes: (connect: ConnectRouter) => void, token: Secret) => {
    const { tracer } = serving.observability;
    const { transport, close } = createInProcessTransport(routes, serving, { token, tracer });
    parts.defer(close);
    return transport;
  };
}

/** Longest time that open calls of the control port have at the end; all are short. */
const controlCloseMs = 1_000;

async function openControlPort(
  parts: AsyncDisposableStack,
  options: {
    readonly settings: StartSettings;
    readonly serving: ServingOptions;
    readonly routes: (connect: ConnectRouter) => void;
  },
): Promise<number> {
  const { settings, serving, routes } = options;
  const server = await startConnectServer({
    ...serving,
    host: settings.bindAddress,
    port: settings.ports.control,
    routes,
    httpHandler: serveHealth(() => true),
  });
  parts.defer(() => server.close(controlCloseMs));
  return server.port;
}

/** Hurried, the deadline is now: what is open is cut off, and its usage is still recorded. */
async function drainRouter(
  router: RouterService,
  deadlineMs: number,
  hurry: AbortSignal | undefined,
): Promise<void> {
  const { promise: hurried, resolve } = Promise.withResolvers<true>();
  hurry?.addEventListener("abort", () => resolve(true), { once: true });
  if (hurry?.aborted === true) resolve(true);
  const drained = router.drain(deadlineMs);
  if ((await Promise.race([drained, hurried])) !== true) return;
  await router.drain(0);
  await drained;
}
