import { randomBytes } from "node:crypto";
import { GatewayError } from "@penstock/errors";
import type { ConnectRouter, ConnectServer } from "@penstock/rpc";
import { HealthRegistry } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { routerRoutes } from "./api/router-routes.ts";
import type { LeaseSync } from "./leases/lease-sync.ts";
import { startAdminListener } from "./listeners/admin-listener.ts";
import { GrpcListener } from "./listeners/grpc-listener.ts";
import { HttpListener } from "./listeners/http-listener.ts";
import type { Admission } from "./pipeline/admit.ts";
import { expectedUses } from "./pipeline/expected-uses.ts";
import type { RouterParts } from "./router-parts.ts";
import type { RouterAddresses, RouterDependencies, RouterService } from "./service.ts";

/** How often the start and the drain look whether what they wait for has come. */
const pollMs = 20;
/** Time that is kept for telling callers that their requests are interrupted. */
const farewellMs = 500;
/** Time that is kept for the usage events after the last request. */
const flushMs = 5_000;

/** A router from its start to its end: its doors, and the order in which things open and close. */
export class RunningRouter implements RouterService {
  readonly health = new HealthRegistry(["listeners", "configuration", "quota", "usage"]);
  readonly routes: (router: ConnectRouter) => void;
  readonly #deps: RouterDependencies;
  readonly #parts: RouterParts;
  readonly #http: HttpListener;
  readonly #grpc: GrpcListener;
  readonly #stopWatching: () => void;
  #admin: ConnectServer | undefined;

  constructor(deps: RouterDependencies, parts: RouterParts) {
    this.#deps = deps;
    this.#parts = parts;
    const { configuration, config } = deps;
    const doors = { parts: parts.pipeline, currentSnapshot: () => configuration.current() };
    this.#http = new HttpListener(doors);
    const { reflection } = config;
    this.#grpc = new GrpcListener({ ...doors, reflection, pageTokenKey: randomBytes(32) });
    this.routes = routerRoutes(parts.pipeline, configuration);
    this.#stopWatching = configuration.onChange((snapshot) => this.#adopt(snapshot));
  }

  async start(): Promise<RouterAddresses> {
    const { configuration, config, clock, authenticate, observability } = this.#deps;
    const { pipeline, spool, credentials, emitter, sync } = this.#parts;
    const { health, routes } = this;
    const snapshot = configuration.current();
    if (snapshot !== undefined) {
      this.#adopt(snapshot);
      pipeline.leases.expect(expectedUses(snapshot, clock.wallMs()));
    }
    health.set("usage", "ready");
    spool.onWritable = (writable) => {
      if (writable) health.set("usage", "ready");
      else health.set("usage", "not_ready", "the spool can't be written: requests are refused");
    };
    credentials.start();
    await emitter.start();
    sync.start();
    whenReached(sync, clock, () => health.set("quota", "ready"));
    const host = config.bindAddress;
    const port = config.adminPort;
    this.#admin = await startAdminListener({
      host,
      port,
      routes,
      authenticate,
      observability,
      health,
    });
    const httpPort = await this.#http.listen(config.httpPort, host);
    const grpcPort = await this.#grpc.listen(config.grpcPort, host);
    health.set("listeners", "ready");
    this.#grpc.setServing(true);
    return { httpPort, grpcPort, adminPort: this.#admin.port };
  }

  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps;
    const { pipeline, emitter, sync } = this.#parts;
    const { admission } = pipeline;
    const endMs = clock.monotonicMs() + deadlineMs;
    this.health.set("listeners", "not_ready", "draining");
    admission.drain();
    this.#http.stopAccepting();
    const grpcEnded = this.#grpc.stopAccepting();
    await untilIdle(admission, clock, endMs);
    admission.interruptAll(
      new GatewayError("DRAINING", "The router was shut down before the answer was complete."),
    );
    await untilIdle(admission, clock, clock.monotonicMs() + farewellMs);
    this.#http.closeAll();
    this.#grpc.closeAll();
    await grpcEnded;
    await emitter.flush(flushMs);
    await sync.drain(flushMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopWatching();
    this.#http.closeAll();
    this.#grpc.closeAll();
    await this.#admin?.close(0);
    await this.#parts.emitter.close();
    await this.#parts.spool.close();
    await this.#parts.pipeline.upstream.close();
    this.#parts.credentials.stop();
  }

  #adopt(snapshot: Snapshot): void {
    const { leases, health, upstream } = this.#parts.pipeline;
    leases.configurationChanged(snapshot.quotas);
    health.retain(snapshot);
    upstream.retain(snapshot);
    this.health.set("configuration", "ready");
  }
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
