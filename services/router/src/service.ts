import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Client, ConnectRouter } from "@connectrpc/connect";
import type { LeaseService } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import { GatewayError } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import { callOptions } from "@penstock/rpc";
import type { Authenticate, ConnectServer } from "@penstock/rpc";
import { HealthRegistry } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { routerRoutes } from "./api/router-routes.ts";
import type { RouterConfig } from "./config.ts";
import { RouterEvents } from "./events.ts";
import { TargetHealthBook } from "./health/target-health.ts";
import { LeaseBook } from "./leases/lease-book.ts";
import { LeaseSync } from "./leases/lease-sync.ts";
import { startAdminListener } from "./listeners/admin-listener.ts";
import { GrpcListener } from "./listeners/grpc-listener.ts";
import { HttpListener } from "./listeners/http-listener.ts";
import { Admission } from "./pipeline/admit.ts";
import { expectedUses } from "./pipeline/expected-uses.ts";
import { OutputCalibration } from "./pipeline/output-estimate.ts";
import type { PipelineParts } from "./pipeline/pipeline-parts.ts";
import { RetryBudgets } from "./pipeline/retry-budget.ts";
import { Settlement } from "./pipeline/settle.ts";
import { Credentials } from "./upstream/credentials.ts";
import { UpstreamClient } from "./upstream/upstream-client.ts";
import { Spool } from "./usage/spool.ts";
import { UsageEmitter } from "./usage/usage-emitter.ts";

/** What a router needs from outside. */
export interface RouterDependencies {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly configuration: SnapshotFollower;
  readonly clients: { readonly leases: Client<typeof LeaseService> };
  /** Turns a token of the admin port into an identity. */
  readonly authenticate: Authenticate;
  readonly observability: Observability;
}

/** Where a started router can be reached. */
export interface RouterAddresses {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly adminPort: number;
}

/** A running router. */
export interface RouterService {
  readonly health: HealthRegistry;
  /** Also served on the admin port. */
  routes(router: ConnectRouter): void;
  /** Opens the ports; ready when a configuration is there and quota was reached once. */
  start(): Promise<RouterAddresses>;
  /** Takes nothing new, lets what is open end by the deadline, then cuts it off. */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How often the start and the drain look whether what they wait for has come. */
const pollMs = 20;
/** Time that is kept for telling callers that their requests are interrupted. */
const farewellMs = 500;
/** Time that is kept for the usage events after the last request. */
const flushMs = 5_000;

/** Builds a router; all wiring of it is here. */
export function createRouterService(deps: RouterDependencies): RouterService {
  const { config, clock, bus, configuration, observability } = deps;
  const { logger, tracer, metrics } = observability;
  const health = new HealthRegistry(["listeners", "configuration", "quota"]);
  const events = new RouterEvents(logger, metrics);
  const spool = Spool.open({
    folder: join(config.dataDir, "spool", config.worker),
    replica: config.replica,
    clock,
    observability,
  });
  const emitter = new UsageEmitter({ spool, bus, replica: config.replica, clock, observability });
  const book = new LeaseBook({ clock, epoch: spool.epoch });
  const sync = new LeaseSync({
    book,
    holder: `${config.replica}/${config.worker}`,
    epoch: spool.epoch,
    call: (request, { signal, parent }) =>
      deps.clients.leases.syncLeases(request, callOptions({ signal, span: parent })),
    returnLeases: (request, { signal, parent }) =>
      deps.clients.leases.returnLeases(request, callOptions({ signal, span: parent })),
    clock,
    observability,
    revision: () => configuration.current()?.revision ?? 0n,
    retiredEpochs: spool.retiredEpochs,
  });
  const targets = new TargetHealthBook();
  const admission = new Admission();
  const credentials = new Credentials({ clock, logger });
  const upstream = new UpstreamClient({ credentials, observability });
  const calibration = new OutputCalibration();
  const settlement = new Settlement({
    clock,
    tracer,
    events,
    admission,
    leases: book,
    spool,
    calibration,
    replica: config.replica,
  });
  const parts: PipelineParts = {
    clock,
    tracer,
    events,
    admission,
    leases: book,
    health: targets,
    upstream,
    calibration,
    retryBudgets: new RetryBudgets(),
    settlement,
    random: Math.random,
    isRevoked: (virtualKey) => configuration.isRevoked(virtualKey),
  };
  metrics.gaugeFunction(
    "penstock_requests_open",
    "Requests that are open now.",
    () => admission.open,
  );
  const currentSnapshot = (): Snapshot | undefined => configuration.current();
  const http = new HttpListener({ parts, currentSnapshot });
  const grpc = new GrpcListener({
    parts,
    currentSnapshot,
    reflection: config.reflection,
    pageTokenKey: randomBytes(32),
  });
  const routes = routerRoutes(parts, configuration);
  let admin: ConnectServer | undefined;

  const onConfiguration = (snapshot: Snapshot): void => {
    book.configurationChanged(snapshot.quotas);
    targets.retain(snapshot);
    upstream.retain(snapshot);
    health.set("configuration", "ready");
  };

  const stopWatching = configuration.onChange(onConfiguration);
  return {
    health,
    routes,
    start: async () => {
      const snapshot = configuration.current();
      if (snapshot !== undefined) {
        onConfiguration(snapshot);
        book.expect(expectedUses(snapshot, clock.wallMs()));
      }
      credentials.start();
      await emitter.start();
      sync.start();
      whenReached(sync, clock, () => health.set("quota", "ready"));
      admin = await startAdminListener({
        host: config.bindAddress,
        port: config.adminPort,
        routes,
        authenticate: deps.authenticate,
        observability,
        health,
      });
      const httpPort = await http.listen(config.httpPort, config.bindAddress);
      const grpcPort = await grpc.listen(config.grpcPort, config.bindAddress);
      health.set("listeners", "ready");
      grpc.setServing(true);
      return { httpPort, grpcPort, adminPort: admin.port };
    },
    drain: async (deadlineMs) => {
      const endMs = clock.monotonicMs() + deadlineMs;
      health.set("listeners", "not_ready", "draining");
      admission.drain();
      http.stopAccepting();
      const grpcEnded = grpc.stopAccepting();
      await untilIdle(admission, clock, endMs);
      admission.interruptAll(
        new GatewayError("DRAINING", "The router was shut down before the answer was complete."),
      );
      await untilIdle(admission, clock, clock.monotonicMs() + farewellMs);
      http.closeAll();
      grpc.closeAll();
      await grpcEnded;
      await emitter.flush(flushMs);
      await sync.drain(flushMs);
    },
    [Symbol.asyncDispose]: async () => {
      stopWatching();
      http.closeAll();
      grpc.closeAll();
      await admin?.close(0);
      await emitter.close();
      await spool.close();
      await upstream.close();
      credentials.stop();
    },
  };
}

/** Quota counts as reached once it has answered; a router that is ready stays so without it. */
function whenReached(sync: LeaseSync, clock: Clock, done: () => void): void {
  if (sync.reached) done();
  else clock.schedule(pollMs, () => whenReached(sync, clock, done));
}

function untilIdle(admission: Admission, clock: Clock, endMs: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (admission.open === 0 || clock.monotonicMs() >= endMs) resolve();
      else clock.schedule(pollMs, look);
    };
    look();
  });
}
