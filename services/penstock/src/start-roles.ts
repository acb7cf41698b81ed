import { workerName } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { Observability } from "@penstock/observability";
import type { RouterService } from "@penstock/router";
import { callOptions } from "@penstock/rpc";
import type { Authenticate } from "@penstock/rpc";
import type { Clock } from "@penstock/runtime";
import { reachableAddress } from "./addresses.ts";
import type { createLeaseClient, createSnapshotClient } from "./api/clients.ts";
import { buildVersion } from "./build-version.ts";
import { drainGraceOf } from "./drain-grace.ts";
import type { ReplicaIdentity } from "./replica-identity.ts";
import type { StartSettings } from "./settings.ts";
import { configurationFolder } from "./workers/seed-configuration.ts";
import type { WorkerPlace } from "./workers/worker-place.ts";

/** What every role of a start goes by. */
export interface RoleOptions {
  readonly settings: StartSettings;
  readonly observability: Observability;
  readonly clock: Clock;
  /** Of a process that is one of several workers of a router. */
  readonly place?: WorkerPlace | undefined;
}

/** Starts the simulated vendors; resolves to their address for this machine. */
export async function startSimulator(
  parts: AsyncDisposableStack,
  settings: StartSettings,
  clock: Clock,
): Promise<string> {
  const { bindAddress, ports } = settings;
  const { createSimulator, readSimulatorConfig } = await import("@penstock/simulator");
  const { exchanges } = readSimulatorConfig();
  const simulator = await createSimulator({ port: ports.simulator, bindAddress, clock, exchanges });
  parts.defer(() => simulator.close());
  return `http://${reachableAddress(bindAddress, Number(new URL(simulator.url).port))}`;
}

/** One view of the configuration for all roles of the process; routers report what they have. */
export function followConfiguration(
  parts: AsyncDisposableStack,
  { settings, clock, observability, place }: RoleOptions,
  source: {
    readonly identity: ReplicaIdentity;
    readonly bus: Bus;
    readonly snapshots: ReturnType<typeof createSnapshotClient>;
    readonly report: boolean;
  },
): SnapshotFollower {
  const { identity, bus, snapshots, report } = source;
  // Asked every few seconds: a trace each would bury those of requests and changes.
  const untraced = { ...observability.tracer.newContext(), sampled: false };
  const configuration = createSnapshotFollower({
    bus,
    fetchSnapshot: (request, signal) =>
      snapshots.fetchSnapshot(request, callOptions({ signal, span: untraced })),
    reportStatus: (status, signal) =>
      snapshots.reportRouter({ status }, callOptions({ signal, span: untraced })),
    folder: configurationFolder(settings.dataDir, place?.index ?? 0),
    // Each worker reports what it has, so that a revision is awaited of every one.
    replica: workerName(identity.replica, String(place?.index ?? 0)),
    clock,
    observability,
    report,
    epoch: identity.epoch,
    build: buildVersion,
  });
  parts.defer(() => configuration.close());
  return configuration;
}

/**
 * Quota on the same thread and the same small database: when it is slow, the machine is, and a
 * request is better off waiting than refused.
 */
const embeddedQuotaWaitMs = 1_500;
/** Decisions §6: a network round trip and a transaction have room in it. */
const remoteQuotaWaitMs = 150;
/** A quota that was quick a moment ago: a slow disk, a cold pool or a busy machine passes. */
const aliveQuotaWaitMs = 500;

/** The router with the settings of this start. */
export async function createRouter(
  { settings, clock, observability, place }: RoleOptions,
  parts: {
    readonly identity: ReplicaIdentity;
    readonly bus: Bus;
    readonly configuration: SnapshotFollower;
    readonly authenticate: Authenticate;
    readonly leases: ReturnType<typeof createLeaseClient>;
  },
): Promise<RouterService> {
  const { createRouterService, readRouterEndurance } = await import("@penstock/router");
  const { identity, bus, configuration, authenticate, leases } = parts;
  const { ports, dataDir, bindAddress, roles } = settings;
  const isEmbedded = roles === undefined;
  const given = settings.quotaWaitMs;
  return createRouterService({
    config: {
      ...readRouterEndurance(),
      drainGraceMs: drainGraceOf(settings),
      bindAddress,
      tls: { doors: settings.tls?.doors, admin: settings.tls?.server },
      httpPort: place?.ports.http ?? ports.http,
      grpcPort: place?.ports.grpc ?? ports.grpc,
      adminPort: place === undefined ? ports.admin : undefined,
      dataDir,
      replica: identity.replica,
      worker: String(place?.index ?? 0),
      workers: place?.workers ?? 1,
      reflection: settings.reflection ?? isEmbedded,
      quotaWaitMs: given ?? (isEmbedded ? embeddedQuotaWaitMs : remoteQuotaWaitMs),
      aliveQuotaWaitMs: given ?? (isEmbedded ? embeddedQuotaWaitMs : aliveQuotaWaitMs),
    },
    clock,
    bus,
    configuration,
    clients: { leases },
    authenticate,
    observability,
  });
}
