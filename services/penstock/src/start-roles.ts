import { join } from "node:path";
import type { Bus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { Observability } from "@penstock/observability";
import { createRouterService } from "@penstock/router";
import type { RouterService } from "@penstock/router";
import type { Authenticate } from "@penstock/rpc";
import { hashKey, keysEqual } from "@penstock/runtime";
import type { Clock, Secret } from "@penstock/runtime";
import { createSimulator } from "@penstock/simulator";
import { reachableAddress } from "./addresses.ts";
import type { createLeaseClient, createSnapshotClient } from "./api/clients.ts";
import { buildVersion } from "./build-version.ts";
import type { ReplicaIdentity } from "./replica-identity.ts";
import type { StartSettings } from "./settings.ts";

/** What every role of a start goes by. */
export interface RoleOptions {
  readonly settings: StartSettings;
  readonly observability: Observability;
  readonly clock: Clock;
}

/** Starts the simulated vendors; resolves to their address for this machine. */
export async function startSimulator(
  parts: AsyncDisposableStack,
  settings: StartSettings,
  clock: Clock,
): Promise<string> {
  const { bindAddress, ports } = settings;
  const simulator = await createSimulator({ port: ports.simulator, bindAddress, clock });
  parts.defer(() => simulator.close());
  return `http://${reachableAddress(bindAddress, Number(new URL(simulator.url).port))}`;
}

/** Either token becomes an identity; the service token is compared in constant time. */
export function identify(serviceToken: Secret, authenticateAdmin: Authenticate): Authenticate {
  const expected = hashKey(serviceToken.reveal());
  return (token) =>
    keysEqual(hashKey(token), expected)
      ? { kind: "service", name: "penstock", roles: [] }
      : authenticateAdmin(token);
}

/** One view of the configuration for all roles of the process. */
export function followConfiguration(
  parts: AsyncDisposableStack,
  { settings, clock, observability }: RoleOptions,
  source: {
    readonly identity: ReplicaIdentity;
    readonly bus: Bus;
    readonly snapshots: ReturnType<typeof createSnapshotClient>;
  },
): SnapshotFollower {
  const { identity, bus, snapshots } = source;
  const configuration = createSnapshotFollower({
    bus,
    fetchSnapshot: (request) => snapshots.fetchSnapshot(request),
    folder: join(settings.dataDir, "configuration"),
    replica: identity.replica,
    clock,
    observability,
    report: true,
    epoch: identity.epoch,
    build: buildVersion,
  });
  parts.defer(() => configuration.close());
  return configuration;
}

/**
 * Quota runs on the same thread and the same small database: when it is slow, the machine is, and
 * a request is better off waiting than refused. Over a network the router's default holds.
 */
const embeddedQuotaWaitMs = 1_500;

/** The router with the settings of this start. */
export function createRouter(
  { settings, clock, observability }: RoleOptions,
  parts: {
    readonly identity: ReplicaIdentity;
    readonly bus: Bus;
    readonly configuration: SnapshotFollower;
    readonly authenticate: Authenticate;
    readonly leases: ReturnType<typeof createLeaseClient>;
  },
): RouterService {
  const { identity, bus, configuration, authenticate, leases } = parts;
  const { ports, dataDir, bindAddress } = settings;
  return createRouterService({
    config: {
      bindAddress,
      httpPort: ports.http,
      grpcPort: ports.grpc,
      adminPort: ports.admin,
      dataDir,
      replica: identity.replica,
      worker: "0",
      reflection: true,
      quotaWaitMs: embeddedQuotaWaitMs,
    },
    clock,
    bus,
    configuration,
    clients: { leases },
    authenticate,
    observability,
  });
}
