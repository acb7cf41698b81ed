import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import { openDatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createPolicyService } from "@penstock/policy";
import { createQuotaService } from "@penstock/quota";
import { startConnectServer } from "@penstock/rpc";
import type { Authenticate, ConnectRouter } from "@penstock/rpc";
import { systemClock } from "@penstock/runtime";
import { createTelemetryService } from "@penstock/telemetry";

/** What policy, quota and telemetry are started with. */
export interface ControlRolesOptions {
  readonly bus: Bus;
  readonly observability: Observability;
  /** What a router and these roles know each other by. */
  readonly serviceToken: string;
  readonly adminToken: string;
  /** Of the embedded database. */
  readonly dataDir: string;
  /** Makes the view of the configuration; it can fetch by `routes` once policy is started. */
  follow(routes: (router: ConnectRouter) => void, authenticate: Authenticate): SnapshotFollower;
}

/** policy, quota and telemetry, running, with a port for all of them. */
export interface ControlRoles {
  readonly port: number;
  readonly configuration: SnapshotFollower;
  readonly authenticate: Authenticate;
  routes(router: ConnectRouter): void;
  stop(): Promise<void>;
}

const clock = systemClock;

/** Starts policy, quota and telemetry on the embedded database. */
export async function startControlRoles(options: ControlRolesOptions): Promise<ControlRoles> {
  const { bus, observability, serviceToken, adminToken, dataDir } = options;
  const database = await openDatabaseServer({ dataDir, logger: observability.logger });
  const deps = { clock, bus, database, observability };
  const policy = await createPolicyService({ ...deps, config: { housekeepingIntervalMs: 60_000 } });
  const authenticate: Authenticate = (token) =>
    token === serviceToken
      ? { kind: "service", name: "router", roles: [] }
      : policy.authenticateAdmin(token);
  const configuration = options.follow((router) => policy.routes(router), authenticate);
  await policy.start();
  await policy.ensureAdminToken({ token: adminToken });
  await configuration.start();
  const quota = await createQuotaService({
    ...deps,
    configuration,
    config: { transferRetentionDays: 400 },
  });
  const telemetry = await createTelemetryService({
    ...deps,
    configuration,
    config: { usageRetentionDays: 30 },
  });
  const routes = (router: ConnectRouter): void => {
    for (const service of [policy, quota, telemetry]) service.routes(router);
  };
  const host = "127.0.0.1";
  const server = await startConnectServer({ host, port: 0, routes, authenticate, observability });
  await quota.start();
  await telemetry.start();
  const stop = async (): Promise<void> => {
    await server.close(1_000);
    await Promise.all([policy.drain(2_000), quota.drain(2_000), telemetry.drain(2_000)]);
    await configuration.close();
    await bus.close();
    await database.close();
  };
  return { port: server.port, configuration, authenticate, routes, stop };
}
