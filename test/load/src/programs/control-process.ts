// policy, quota and telemetry in one process beside the router's, on the embedded database.
import { openBus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import { openDatabaseServer } from "@penstock/database";
import { createObservability } from "@penstock/observability";
import { createPolicyService } from "@penstock/policy";
import { createQuotaService } from "@penstock/quota";
import { startConnectServer } from "@penstock/rpc";
import { systemClock } from "@penstock/runtime";
import { createTelemetryService } from "@penstock/telemetry";
import { announceReady, endWhenAsked, programInput } from "./program-input.ts";

/** What the program is told. */
export interface ControlInput {
  readonly busUrl: string;
  readonly serviceToken: string;
  readonly adminToken: string;
  readonly dataDir: string;
}

const input = programInput<ControlInput>();
const clock = systemClock;
const observability = await createObservability({ serviceName: "penstock-control", clock });
const { logger } = observability;
const bus = await openBus({ url: input.busUrl, name: "control", clock, logger });
const database = await openDatabaseServer({ dataDir: input.dataDir, logger });
const configuration = createSnapshotFollower({
  bus,
  replica: "control",
  clock,
  observability,
  report: false,
  epoch: 1n,
  build: "bench",
});
const deps = { clock, bus, database, observability };
const policy = await createPolicyService({ ...deps, config: { housekeepingIntervalMs: 60_000 } });
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
const server = await startConnectServer({
  host: "127.0.0.1",
  port: 0,
  routes: (router) => {
    policy.routes(router);
    quota.routes(router);
    telemetry.routes(router);
  },
  authenticate: (token) =>
    token === input.serviceToken
      ? { kind: "service", name: "router", roles: [] }
      : policy.authenticateAdmin(token),
  observability,
});
await policy.start();
await policy.ensureAdminToken({ token: input.adminToken });
await quota.start();
await telemetry.start();
announceReady({ control: server.port });

endWhenAsked(stop);

async function stop(): Promise<void> {
  await server.close(1_000);
  await Promise.all([policy.drain(2_000), quota.drain(2_000), telemetry.drain(2_000)]);
  await configuration.close();
  await bus.close();
  await database.close();
}
