import { GatewayError } from "@penstock/errors";
import type { Logger, MetricRegistry } from "@penstock/observability";
import type { Clock, HealthComponent, HealthReport, Timer } from "@penstock/runtime";
import type { PrimaryMessage, WorkerMessage } from "./worker-messages.ts";

/** A worker's process as its primary sees it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  send(message: PrimaryMessage): void;
  kill(): void;
}

/** What is heard of a worker's process. */
export interface WorkerListener {
  onMessage(message: WorkerMessage): void;
  /** Once; nothing after it. `how` is for people: an exit code or a signal. */
  onExit(code: number | null, how: string): void;
}

/** Ports that the workers share. */
export interface SharedPorts {
  readonly http: number;
  readonly grpc: number;
}

/** What a group is made of. */
export interface WorkerGroupOptions {
  readonly count: number;
  /** Starts the process of a worker. */
  fork(index: number, listener: WorkerListener): WorkerProcess;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

/** A worker that dies is started again after this, then twice as long each time, up to 30 s. */
const firstRestartMs = 200;
const longestRestartMs = 30_000;
/** One that lived so long begins anew with the shortest wait. */
const provenMs = 60_000;
/** After this many deaths in a row, with no worker left, the router is given up. */
const hopelessDeaths = 5;

interface Worker {
  readonly index: number;
  process: WorkerProcess | undefined;
  startedMs: number;
  started: boolean;
  health: HealthReport | undefined;
  /** It was ready once in this life: from then on its readiness counts for the group. */
  wasReady: boolean;
  deaths: number;
  timer: Timer | undefined;
}

/**
 * The workers of a router: started together, started again when one dies, drained and ended
 * together. All share the same ports; the connections are dealt out to them in turn.
 */
export class WorkerGroup {
  readonly #options: WorkerGroupOptions;
  readonly #workers: Worker[];
  readonly #restarts;
  readonly #started = Promise.withResolvers<SharedPorts>();
  readonly #failed = Promise.withResolvers<GatewayError>();
  #ended = Promise.withResolvers<void>();
  #isUp = false;
  #draining = false;
  #worstCode = 0;
  /** Hears of the messages that the group does not handle itself. */
  onAnswer: (index: number, message: WorkerMessage) => void = () => undefined;
  /** Hears that a worker will not answer any more. */
  onGone: (index: number) => void = () => undefined;

  constructor(options: WorkerGroupOptions) {
    this.#options = options;
    const { count, metrics } = options;
    this.#workers = Array.from({ length: count }, (_, index) => ({
      index,
      process: undefined,
      startedMs: 0,
      started: false,
      health: undefined,
      wasReady: false,
      deaths: 0,
      timer: undefined,
    }));
    const restarts = "Workers that died and were started again.";
    this.#restarts = metrics.counter("penstock_worker_restarts_total", restarts, ["worker"]);
    metrics.gaugeFunction(
      "penstock_worker_up",
      "1 while the worker runs and its doors are open, else 0.",
      () => this.#workers.map(({ index, started }) => [[String(index)], started ? 1 : 0]),
      ["worker"],
    );
    this.#started.promise.catch(() => undefined);
  }

  /** Resolves with the error that ends the group: its workers die as soon as they are started. */
  get failed(): Promise<GatewayError> {
    return this.#failed.promise;
  }

  /**
   * Starts the workers; resolves with their ports when the doors of all are open.
   *
   * @throws GatewayError FAILED_PRECONDITION when one ends before: what it could not do it said
   * itself.
   */
  start(): Promise<SharedPorts> {
    for (const worker of this.#workers) this.#fork(worker);
    return this.#started.promise;
  }

  /** The indexes of workers that can be asked. */
  alive(): number[] {
    return this.#workers.filter(({ started }) => started).map(({ index }) => index);
  }

  /** Sends to a worker; does nothing for one that is gone. */
  send(index: number, message: PrimaryMessage): void {
    this.#workers[index]?.process?.send(message);
  }

  /**
   * Ready when a worker is, and every worker is that was ready once in its life: one that is only
   * just started again does not count against the others yet.
   */
  report(): HealthReport {
    const components = this.#workers.flatMap((worker) => componentsOf(worker));
    const ready =
      !this.#draining &&
      this.#workers.some(({ health }) => health?.ready === true) &&
      this.#workers.every(({ wasReady, health }) => !wasReady || health?.ready === true);
    return { ready, components };
  }

  /** Asks every worker to drain, the second time to hurry; resolves when all have ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const worker of this.#workers) {
      worker.timer?.cancel();
      worker.process?.send({ kind: "drain" });
    }
    this.#look();
    await this.#ended.promise;
    if (this.#worstCode === 0) return;
    const message = "a worker did not end cleanly; what it left is taken up at the next start";
    throw new GatewayError("INTERNAL", message, { source: "gateway" });
  }

  /** Ends at once every worker that still runs. */
  kill(): void {
    this.#draining = true;
    for (const { process, timer } of this.#workers) {
      timer?.cancel();
      process?.kill();
    }
  }

  #fork(worker: Worker): void {
    const { fork, clock, logger } = this.#options;
    const { index } = worker;
    worker.startedMs = clock.monotonicMs();
    worker.wasReady = false;
    worker.process = fork(index, {
      onMessage: (message) => this.#take(worker, message),
      onExit: (code, how) => this.#exited(worker, code, how),
    });
    logger.info("worker started", { worker: index, pid: worker.process.pid });
  }

  #take(worker: Worker, message: WorkerMessage): void {
    switch (message.kind) {
      case "started":
        this.#opened(worker, message.ports);
        return;
      case "health":
        worker.health = message.report;
        worker.wasReady ||= message.report.ready;
        return;
      default:
        this.onAnswer(worker.index, message);
    }
  }

  #opened(worker: Worker, ports: SharedPorts): void {
    worker.started = true;
    if (this.#isUp || !this.#workers.every(({ started }) => started)) return;
    this.#isUp = true;
    this.#started.resolve(ports);
  }

  #exited(worker: Worker, code: number | null, how: string): void {
    const { clock, logger } = this.#options;
    const livedMs = clock.monotonicMs() - worker.startedMs;
    worker.process = undefined;
    worker.started = false;
    worker.health = undefined;
    worker.wasReady = false;
    this.onGone(worker.index);
    if (this.#draining) {
      if (code !== 0) this.#worstCode = code ?? 1;
      this.#look();
      return;
    }
    if (!this.#isUp) {
      const message = `worker ${worker.index} ended before it had started (${how})`;
      const error = new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
      this.kill();
      this.#started.reject(error);
      return;
    }
    worker.deaths = livedMs >= provenMs ? 1 : worker.deaths + 1;
    if (this.#isHopeless()) return;
    const delayMs = Math.min(longestRestartMs, firstRestartMs * 2 ** (worker.deaths - 1));
    logger.error("a worker died and is started again", {
      worker: worker.index,
      how,
      deaths: worker.deaths,
      delay_ms: delayMs,
    });
    this.#restarts.add(1, String(worker.index));
    worker.timer = clock.schedule(delayMs, () => this.#fork(worker));
  }

  #isHopeless(): boolean {
    const none = this.#workers.every(({ started }) => !started);
    if (!none || !this.#workers.every(({ deaths }) => deaths >= hopelessDeaths)) return false;
    const message = `every worker has died ${hopelessDeaths} times in a row`;
    this.kill();
    this.#failed.resolve(new GatewayError("INTERNAL", message, { source: "gateway" }));
    return true;
  }

  #look(): void {
    if (this.#workers.every(({ process }) => process === undefined)) this.#ended.resolve();
  }
}

function componentsOf({ index, health, process }: Worker): HealthComponent[] {
  const name = `worker ${index}`;
  if (health === undefined) {
    const detail = process === undefined ? "not running" : "starting";
    return [{ name, state: "not_ready", detail }];
  }
  return health.components.map((part) => ({ ...part, name: `${name} ${part.name}` }));
}
