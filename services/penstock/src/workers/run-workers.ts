// The primary of a router with several workers. It has the data folder, the ports and the admin
// port; it serves no request and knows neither bus nor configuration, so that little can break it.
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createObservability } from "@penstock/observability";
import type { Observability } from "@penstock/observability";
import { startConnectServer } from "@penstock/rpc";
import type { ConnectServer } from "@penstock/rpc";
import { runService, Secret, systemClock } from "@penstock/runtime";
import { buildVersion } from "../build-version.ts";
import { networkOptions } from "../certificates/tls-settings.ts";
import { askPolicy, identify } from "../identify.ts";
import { openNetwork } from "../reach.ts";
import { takeReplicaIdentity } from "../replica-identity.ts";
import { serveHealth } from "../serve-health.ts";
import type { StartSettings } from "../settings.ts";
import { warnUnknownSettings } from "../warn-unknown-settings.ts";
import { WorkerQuestions } from "./ask-workers.ts";
import { forkWorkers } from "./cluster-workers.ts";
import { groupMetrics } from "./group-metrics.ts";
import { groupRoutes } from "./group-routes.ts";
import { seedConfiguration } from "./seed-configuration.ts";
import { WorkerGroup } from "./worker-group.ts";
import type { SharedPorts } from "./worker-group.ts";

/** What a worker may need beyond its own deadline to end. */
const workerMarginMs = 5_000;
const adminCloseMs = 1_000;
const spansMs = 2_000;

/** How many workers, and how long each has from the signal to its end. */
export interface RunWorkersOptions {
  readonly workers: number;
  readonly drainTimeoutMs: number;
  /** As in `runService`. */
  onNotStarted(cause: unknown): number | undefined;
}

/**
 * Runs a router as a group of workers until a signal ends it; resolves to the exit code. The data
 * folder must be locked by the caller. SIGTERM drains all workers, a second one hurries them.
 */
export async function runWorkers(
  settings: StartSettings,
  { workers, drainTimeoutMs, onNotStarted }: RunWorkersOptions,
): Promise<number> {
  const identity = takeReplicaIdentity(settings.dataDir, settings.replica);
  seedConfiguration(settings.dataDir, workers);
  const observability = await createObservability({
    serviceName: "penstock-router",
    serviceVersion: buildVersion,
    instanceId: identity.replica,
    clock: systemClock,
  });
  const { logger, metrics } = observability;
  warnUnknownSettings(logger);
  const shared = await sharedPorts(settings);
  const fork = forkWorkers({ identity, workers, ports: shared });
  const group = new WorkerGroup({ count: workers, fork, clock: systemClock, logger, metrics });
  const parts = new AsyncDisposableStack();
  // Whatever ends this process, no worker is left behind.
  process.once("exit", () => group.kill());
  return await runService({
    clock: systemClock,
    drainTimeoutMs: drainTimeoutMs + workerMarginMs,
    onNotStarted,
    logger,
    start: async () => {
      const admin = await openAdminPort(parts, settings, group, observability);
      const ports = await group.start();
      logger.info("the doors are open", {
        roles: "router",
        workers,
        ports: { ...ports, admin: admin.port },
      });
      // Not awaited: heard by `runService` as what breaks the process, whenever it comes.
      void group.failed.then((error) => {
        throw error;
      });
    },
    drain: async (_deadlineMs, hurry) => {
      hurry.addEventListener("abort", () => void group.drain().catch(() => undefined), {
        once: true,
      });
      await group.drain();
      await parts.disposeAsync();
      await observability.shutdown(spansMs);
    },
  });
}

/** Free ports are chosen here, so that workers that start again find the same. */
async function sharedPorts({ ports, bindAddress }: StartSettings): Promise<SharedPorts> {
  const http = await chosen(ports.http, bindAddress);
  return { http, grpc: await chosen(ports.grpc, bindAddress) };
}

async function chosen(port: number, host: string): Promise<number> {
  if (port !== 0) return port;
  const server = createServer();
  server.listen(port, host);
  await once(server, "listening");
  const free = (server.address() as AddressInfo).port;
  server.close();
  await once(server, "close");
  return free;
}

async function openAdminPort(
  parts: AsyncDisposableStack,
  settings: StartSettings,
  group: WorkerGroup,
  observability: Observability,
): Promise<ConnectServer> {
  const { bindAddress, ports, policyUrl = "", serviceToken } = settings;
  const { logger, metrics, tracer } = observability;
  const network = { ...networkOptions(settings.tls), tracer, logger };
  if (serviceToken === undefined) throw new TypeError("a role has a service token");
  const policy = openNetwork(parts, { ...network, url: policyUrl, token: serviceToken });
  const authenticate = identify(new Secret(serviceToken.reveal()), askPolicy(policy, systemClock));
  const questions = new WorkerQuestions(group, systemClock);
  const server = await startConnectServer({
    host: bindAddress,
    port: ports.admin,
    tls: settings.tls?.server,
    routes: groupRoutes(group, questions),
    authenticate,
    observability,
    httpHandler: serveHealth({
      report: () => group.report(),
      metrics: { render: groupMetrics(metrics, questions) },
      authenticate,
      logger,
    }),
  });
  parts.defer(() => server.close(adminCloseMs));
  return server;
}
