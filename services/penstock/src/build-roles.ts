// The roles of one process, built and connected, none of them started. What is in the process is
// called without the network, what is not by its URL; all else is the same in every shape.
// The code of a role is read only where the role is: a router alone starts in half the time.
// What was built is taken down in the opposite order, also when the building fails half-way.
import { openBus } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { DatabaseServer, StorageStart } from "@penstock/database";
import type { PolicyService } from "@penstock/policy";
import type { QuotaService } from "@penstock/quota";
import type { RouterService } from "@penstock/router";
import type { ConnectRouter, ServingOptions } from "@penstock/rpc";
import { generateKey, Secret } from "@penstock/runtime";
import type { HealthReport } from "@penstock/runtime";
import type { TelemetryService } from "@penstock/telemetry";
import { createLeaseClient, createSnapshotClient } from "./api/clients.ts";
import { networkOptions } from "./certificates/tls-settings.ts";
import { checkRoles } from "./check-roles.ts";
import { askPolicy, identify } from "./identify.ts";
import { createReach, openNetwork } from "./reach.ts";
import type { Reach } from "./reach.ts";
import { readinessOf } from "./readiness.ts";
import { takeReplicaIdentity } from "./replica-identity.ts";
import type { ReplicaIdentity } from "./replica-identity.ts";
import type { Role } from "./roles.ts";
import { roleNames, storesOf } from "./roles.ts";
import { createRouter, followConfiguration, startSimulator } from "./start-roles.ts";
import type { RoleOptions } from "./start-roles.ts";

/** What roles are built from. */
export interface BuildOptions extends RoleOptions {
  /** Being opened since before; closed with the rest. Absent where no role stores anything. */
  readonly database: Promise<DatabaseServer> | undefined;
}

/** The roles of a process; those that it does not have are undefined. */
export interface BuiltRoles {
  readonly policy: PolicyService | undefined;
  readonly quota: QuotaService | undefined;
  readonly telemetry: TelemetryService | undefined;
  readonly router: RouterService | undefined;
  readonly configuration: SnapshotFollower | undefined;
  readonly simulatorUrl: string | undefined;
  /** How calls are served; undefined where there is nothing to call. */
  readonly serving: ServingOptions | undefined;
  readonly reach: Reach | undefined;
  /** Registers the services of the control port. */
  routes(router: ConnectRouter): void;
  /** Whether the process is ready, part by part. */
  readiness(): HealthReport;
}

/** Builds the roles that the settings name; none named means all. */
export async function buildRoles(
  parts: AsyncDisposableStack,
  options: BuildOptions,
): Promise<BuiltRoles> {
  const { settings, clock } = options;
  checkRoles(settings);
  const roles = settings.roles ?? roleNames;
  parts.defer(async () => (await options.database)?.close());
  const isAsked = roles.includes("simulator");
  const simulatorUrl = isAsked ? await startSimulator(parts, settings, clock) : undefined;
  if (roles.every((role) => role === "simulator")) return { ...nothing, simulatorUrl };
  const site = await openSite(parts, options, roles);
  const policy = await buildPolicy(site);
  const authenticate = identify(site.token, policy?.authenticateAdmin ?? askRemotePolicy(site));
  const serving = { observability: options.observability, authenticate };
  const reach = createReach(parts, serving, networkOptions(settings.tls));
  const connected: Connected = { ...site, policy, serving, reach };
  const configuration = roles.some((role) => role !== "policy" && role !== "simulator")
    ? follow(connected)
    : undefined;
  const quota = await buildQuota(connected, configuration);
  const telemetry = await buildTelemetry(connected, configuration);
  const router = await buildRouter(connected, configuration, quota);
  const services = { policy, quota, telemetry };
  const controls = Object.values(services).filter((service) => service !== undefined);
  return {
    ...services,
    router,
    configuration,
    simulatorUrl,
    serving,
    reach,
    routes: (connect) => {
      for (const service of controls) service.routes(connect);
    },
    readiness: () =>
      readinessOf({
        services: mapHealth({ ...services, router }),
        bus: site.bus,
        configuration: quota === undefined && telemetry === undefined ? undefined : configuration,
      }),
  };
}

/** What every role but the simulator is built on. */
interface Site extends BuildOptions {
  readonly parts: AsyncDisposableStack;
  readonly has: (role: Role) => boolean;
  readonly identity: ReplicaIdentity;
  readonly bus: Bus;
  readonly token: Secret;
}

interface Connected extends Site {
  readonly policy: PolicyService | undefined;
  readonly serving: ServingOptions;
  readonly reach: Reach;
}

/** A router needs no bus to serve, and is to be ready within 2 s of its start (fault row 6). */
const routerPatienceMs = 300;

const nothing: BuiltRoles = {
  policy: undefined,
  quota: undefined,
  telemetry: undefined,
  router: undefined,
  configuration: undefined,
  simulatorUrl: undefined,
  serving: undefined,
  reach: undefined,
  routes: () => undefined,
  readiness: () => ({ ready: true, components: [] }),
};

async function openSite(
  parts: AsyncDisposableStack,
  options: BuildOptions,
  roles: readonly Role[],
): Promise<Site> {
  const { settings, clock, observability, place } = options;
  const { logger, metrics } = observability;
  const identity = place?.identity ?? takeReplicaIdentity(settings.dataDir, settings.replica);
  const bus = await openBus({
    url: settings.busUrl,
    credentialsFile: settings.busCredentials,
    caFile: settings.busCa,
    replicas: settings.busReplicas,
    owns: settings.roles === undefined ? undefined : storesOf(settings.roles),
    name: identity.replica,
    patienceMs: settings.roles?.includes("router") === true ? routerPatienceMs : undefined,
    clock,
    logger,
  });
  parts.defer(() => bus.close());
  const help = "Connections to the bus that stand: 1 or 0 of each process.";
  metrics.gaugeFunction("penstock_bus_connected", help, () => (bus.connected() ? 1 : 0));
  const token = settings.serviceToken ?? new Secret(generateKey("pst").text);
  return { ...options, parts, has: (role) => roles.includes(role), identity, bus, token };
}

function askRemotePolicy({ parts, settings, token, observability, clock }: Site) {
  const { tracer, logger } = observability;
  const { policyUrl: url = "", tls } = settings;
  const network = { ...networkOptions(tls), url, token, tracer, logger };
  return askPolicy(openNetwork(parts, network), clock);
}

async function buildPolicy(site: Site): Promise<PolicyService | undefined> {
  if (!site.has("policy")) return undefined;
  const { createPolicyService, readPolicyConfig } = await import("@penstock/policy");
  const common = { ...commonOf(site), ...(await storageOf(site)) };
  return site.parts.use(await createPolicyService({ ...common, config: readPolicyConfig() }));
}

function follow(site: Connected): SnapshotFollower {
  const { identity, bus, policy, reach, settings, token } = site;
  const snapshots = createSnapshotClient(reach({ here: policy, url: settings.policyUrl }, token));
  const report = site.has("router");
  return followConfiguration(site.parts, site, { identity, bus, snapshots, report });
}

async function buildQuota(
  site: Connected,
  configuration: SnapshotFollower | undefined,
): Promise<QuotaService | undefined> {
  if (!site.has("quota") || configuration === undefined) return undefined;
  const { createQuotaService, readQuotaConfig } = await import("@penstock/quota");
  const common = { ...commonOf(site), ...(await storageOf(site)), configuration };
  return site.parts.use(await createQuotaService({ ...common, config: readQuotaConfig() }));
}

async function buildTelemetry(
  site: Connected,
  configuration: SnapshotFollower | undefined,
): Promise<TelemetryService | undefined> {
  if (!site.has("telemetry") || configuration === undefined) return undefined;
  const { createTelemetryService, readTelemetryConfig } = await import("@penstock/telemetry");
  const common = { ...commonOf(site), ...(await storageOf(site)), configuration };
  return site.parts.use(await createTelemetryService({ ...common, config: readTelemetryConfig() }));
}

async function buildRouter(
  site: Connected,
  configuration: SnapshotFollower | undefined,
  quota: QuotaService | undefined,
): Promise<RouterService | undefined> {
  if (!site.has("router") || configuration === undefined) return undefined;
  const { identity, bus, reach, settings, token } = site;
  const { authenticate } = site.serving;
  const leases = createLeaseClient(reach({ here: quota, url: settings.quotaUrl }, token));
  return site.parts.use(
    await createRouter(site, { identity, bus, configuration, authenticate, leases }),
  );
}

function commonOf({ clock, bus, observability }: Site) {
  return { clock, bus, observability };
}

/** Alone on a laptop a start migrates and fails early; among others a role waits for both. */
async function storageOf({ database, settings }: Site) {
  const isEmbedded = settings.roles === undefined;
  const storage: StorageStart = {
    migrate: settings.migrate ?? isEmbedded,
    patient: !isEmbedded,
  };
  const server = await database;
  if (server === undefined) throw new TypeError("a role that stores needs a database");
  return { database: server, storage };
}

function mapHealth(services: Readonly<Record<string, Pick<RouterService, "health"> | undefined>>) {
  const entries = Object.entries(services).map(([role, service]) => [role, service?.health]);
  return Object.fromEntries(entries) as Readonly<Record<string, RouterService["health"]>>;
}
