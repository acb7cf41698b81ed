import { randomBytes } from "node:crypto";
import type { ErrorReason } from "@penstock/errors";
import type { ConnectRouter, ConnectServer, TlsSource } from "@penstock/rpc";
import { openTlsSource } from "@penstock/rpc";
import { HealthRegistry } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { Drain } from "./drain.ts";
import type { DrainSteps } from "./drain.ts";
import { routerRoutes } from "./api/router-routes.ts";
import { startAdminListener } from "./listeners/admin-listener.ts";
import { GrpcListener } from "./listeners/grpc-listener.ts";
import { HttpListener } from "./listeners/http-listener.ts";
import { expectedUses } from "./pipeline/expected-uses.ts";
import type { RouterParts } from "./router-parts.ts";
import type { RouterAddresses, RouterDependencies, RouterService } from "./service.ts";

/** How often the start looks whether quota has answered. */
const pollMs = 20;
/**
 * How long a start waits for quota before the router counts as ready without it: what a limit
 * does then is its own setting, and most requests have none (fault 6: ready within 2 s although all
 * else is down).
 */
const quotaPatienceMs = 500;
/** What was refused and what to do; the log has quota's own words. */
const callerRefusedDetail = (reason: ErrorReason): string =>
  `it refuses the lease syncs of this router (${reason}): compare its service token or certificate ` +
  "with what quota knows; limits do what their onUnavailable says";
const silentQuotaDetail = "it does not answer; limits do what their onUnavailable says";
/** The log has the rest (lease-sync.ts). */
const epochRefusedDetail =
  "it refuses the lease syncs of this router, which was started over a day ahead of quota's clock: " +
  "set the clock right, then start the router with a new PENSTOCK_REPLICA";
/** Time that is kept for the usage events after the last request (reliability §2.7). */
const flushMs = 5_000;
/** After it, to hear that consumers have stored them, so that the spool is left empty. */
const confirmMs = 2_000;
/** What is kept of a hurried end for all that comes after the last request. */
const hurriedFlushMs = 2_000;

/** A router from its start to its end: its doors, and the order in which things open and close. */
export class RunningRouter implements RouterService {
  readonly health = new HealthRegistry(["listeners", "configuration", "quota", "usage"]);
  readonly routes: (router: ConnectRouter) => void;
  readonly #deps: RouterDependencies;
  readonly #parts: RouterParts;
  readonly #tls: TlsSource | undefined;
  readonly #http: HttpListener;
  readonly #grpc: GrpcListener;
  readonly #stopWatching: () => void;
  readonly #drain: Drain;
  #admin: ConnectServer | undefined;
  #grpcEnded: Promise<void> = Promise.resolve();
  #flushed: Promise<void> | undefined;
  #hurried = false;
  #fenced = false;
  /** Quota takes nothing of this life. */
  #refused = false;
  /** It has answered, or the start waits for it no longer. */
  #awaitedQuota = false;

  constructor(deps: RouterDependencies, parts: RouterParts) {
    this.#deps = deps;
    this.#parts = parts;
    const { configuration, config } = deps;
    const { doors: tlsFiles } = config.tls ?? {};
    this.#tls = tlsFiles && openTlsSource(tlsFiles, deps.observability.logger);
    const currentSnapshot = (): Snapshot | undefined => configuration.current();
    const doors = { parts: parts.pipeline, currentSnapshot, tls: this.#tls };
    this.#http = new HttpListener(doors);
    const { reflection } = config;
    this.#grpc = new GrpcListener({ ...doors, reflection, pageTokenKey: randomBytes(32) });
    this.routes = routerRoutes(parts.pipeline, configuration, parts.credentials);
    this.#drain = new Drain(deps.clock, this.#drainSteps(), config.drainGraceMs ?? 0);
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
    spool.onWritable = (writable) => {
      if (writable) health.set("usage", "ready");
      else health.set("usage", "not_ready", "the spool can't be written: requests are refused");
    };
    spool.onWritable(spool.writable);
    credentials.onChanged = (reference) => pipeline.health.credentialChanged(reference);
    credentials.start();
    await emitter.start();
    await this.#parts.adoption?.start();
    this.#parts.intents?.start();
    this.#parts.hints.start();
    sync.onFenced = (epoch) => {
      this.#fenced = true;
      health.set("quota", "not_ready", `another router has this name since epoch ${epoch}`);
    };
    sync.onEpochRefused = (refused) => {
      this.#refused = refused;
      if (refused) health.set("quota", "not_ready", epochRefusedDetail);
      else this.#tellQuota();
    };
    sync.onAnswering = () => this.#tellQuota();
    sync.start();
    this.#awaitQuota(clock.monotonicMs() + quotaPatienceMs);
    const host = config.bindAddress;
    const port = config.adminPort;
    if (port !== undefined) {
      const tls = config.tls?.admin;
      const admin = { host, port, routes, authenticate, observability, health, tls };
      this.#admin = await startAdminListener(admin);
    }
    const httpPort = await this.#http.listen(config.httpPort, host);
    const grpcPort = await this.#grpc.listen(config.grpcPort, host);
    health.set("listeners", "ready");
    this.#grpc.setServing(true);
    return { httpPort, grpcPort, adminPort: this.#admin?.port ?? 0 };
  }

  async drain(deadlineMs: number): Promise<void> {
    const again = this.#drain.endMs !== Infinity;
    if (again) this.#hurried = true;
    await this.#drain.run(again ? Math.max(0, deadlineMs - hurriedFlushMs) : deadlineMs);
    this.#flushed ??= this.#flush();
    await this.#flushed;
  }

  #drainSteps(): DrainSteps {
    const { admission } = this.#parts.pipeline;
    return {
      open: () => admission.open,
      announce: () => {
        this.health.set("listeners", "not_ready", "draining");
        this.#grpc.setServing(false);
      },
      closeDoors: () => {
        admission.drain();
        this.#http.stopAccepting();
        this.#grpcEnded = this.#grpc.stopAccepting();
        return this.#grpcEnded;
      },
      interruptAll: (error) => admission.interruptAll(error),
      cut: () => {
        this.#http.closeAll();
        this.#grpc.closeAll();
      },
    };
  }

  /** Usage first: what is not published by then stays on the disk for the next life. */
  async #flush(): Promise<void> {
    const { emitter, adoption, sync } = this.#parts;
    await this.#grpcEnded;
    const deadlineMs = this.#hurried ? hurriedFlushMs / 2 : flushMs;
    const [published] = await Promise.all([emitter.flush(deadlineMs), adoption?.flush(deadlineMs)]);
    const restMs = this.#hurried ? hurriedFlushMs / 4 : confirmMs;
    const confirmed = published ? emitter.allConfirmed(restMs) : undefined;
    await Promise.all([confirmed, sync.drain(restMs)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopWatching();
    this.#tls?.close();
    this.#http.closeAll();
    this.#grpc.closeAll();
    await this.#admin?.close(0);
    await this.#parts.adoption?.close();
    this.#parts.intents?.close();
    await this.#parts.hints.close();
    await this.#parts.emitter.close();
    await this.#parts.spool.close();
    this.#parts.pipeline.upstream.close();
    this.#parts.credentials.stop();
  }

  #adopt(snapshot: Snapshot): void {
    const { leases, health, performance, upstream } = this.#parts.pipeline;
    leases.configurationChanged(snapshot.quotas);
    health.retain(snapshot);
    performance.retain(snapshot);
    upstream.retain(snapshot);
    this.#parts.credentials.prepare([...snapshot.providers.values()].map((one) => one.credential));
    this.health.set("configuration", "ready");
  }

  /** Quota counts as reached once it has answered; a router that is ready stays so without it. */
  #awaitQuota(endMs: number): void {
    const { clock } = this.#deps;
    const isOver = this.#parts.sync.reached || clock.monotonicMs() >= endMs;
    if (!isOver) {
      clock.schedule(pollMs, () => this.#awaitQuota(endMs));
      return;
    }
    this.#awaitedQuota = true;
    this.#tellQuota();
  }

  #tellQuota(): void {
    if (!this.#awaitedQuota || this.#fenced || this.#refused) return;
    const { isAnswering, refusedFor } = this.#parts.sync;
    const trouble = refusedFor === undefined ? silentQuotaDetail : callerRefusedDetail(refusedFor);
    this.health.set("quota", "ready", isAnswering ? "" : trouble);
  }
}
