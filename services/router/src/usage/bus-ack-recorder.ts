import type { ConfigBucket } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import type { Counter, Observability } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import { intentKey } from "./intent-key.ts";
import type { FinalRecord, SpoolCallback } from "./spool-callback.ts";
import type { UsageRecorder } from "./usage-recorder.ts";

/**
 * How long a request waits for the bus. Then one that begins is refused with METERING_UNAVAILABLE
 * unless its key allows unmetered requests; the end of one that ran is answered: on the bus it is
 * recorded as interrupted until its event arrives.
 */
const longestWaitMs = 2_000;

/** What the recorder needs. */
export interface BusAckOptions {
  /** Everything is written to the spool, too: it survives the process, and has what the bus lost. */
  readonly spool: UsageRecorder;
  /** Bucket `intents` of the bus. */
  readonly intents: Pick<ConfigBucket, "put" | "purge">;
  /** Name of the worker on the bus. */
  readonly name: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
}

interface Ending {
  readonly timer: Timer;
  readonly done: SpoolCallback;
  written: boolean;
  acknowledged: boolean;
  /** The caller was told, in time or not. */
  told: boolean;
  /** Why it is not in the spool; the acknowledgement of the bus makes up for it. */
  error: GatewayError | undefined;
}

/**
 * Records on a disk that may go with the machine: a request is dispatched when the bus has its
 * intent, and gets its last bytes when the bus has its event. The intent is deleted then; who finds
 * one whose router is gone publishes it as interrupted, see `IntentAdoption`.
 */
export class BusAckRecorder implements UsageRecorder {
  readonly #options: BusAckOptions;
  readonly #late: Counter;
  /** Requests whose intent the bus has. */
  readonly #begun = new Set<string>();
  readonly #endings = new Map<string, Ending>();

  constructor(options: BusAckOptions) {
    this.#options = options;
    const { metrics } = options.observability;
    const help = "Records that the bus did not acknowledge in time, by what they are.";
    this.#late = metrics.counter("penstock_usage_unacknowledged_total", help, ["record"]);
  }

  get epoch(): bigint {
    return this.#options.spool.epoch;
  }

  get takesIntents(): boolean {
    return this.#options.spool.takesIntents;
  }

  hasIntent(requestId: string): boolean {
    return this.#options.spool.hasIntent(requestId);
  }

  nextSequence(): bigint {
    return this.#options.spool.nextSequence();
  }

  intent(requestId: string, payload: Uint8Array, done: SpoolCallback, synced?: boolean): void {
    let open = 2;
    const conclude = (error?: GatewayError): void => {
      if (open === 0) return;
      open = error === undefined ? open - 1 : 0;
      // It is refused, or runs unmetered: its end waits for the disk alone.
      if (error !== undefined) this.#begun.delete(requestId);
      if (open > 0) return;
      timer.cancel();
      done.onSpooled(error);
    };
    const { clock, intents, spool } = this.#options;
    const timer = clock.schedule(longestWaitMs, () => {
      if (open > 0) this.#late.add(1, "intent");
      conclude(unacknowledged());
    });
    this.#begun.add(requestId);
    const key = this.#key(requestId);
    let isRefused = false;
    let isPut = false;
    // What the spool has not taken gets no final by which it would be ended on the bus.
    const withdraw = (): void => {
      if (isRefused && isPut) intents.purge(key).catch(() => undefined);
    };
    const onSpooled = (error: GatewayError | undefined): void => {
      isRefused = error !== undefined;
      conclude(error);
      withdraw();
    };
    spool.intent(requestId, payload, { onSpooled }, synced);
    if (isRefused) return;
    intents.put(key, payload).then(
      () => {
        isPut = true;
        conclude();
        withdraw();
      },
      (error: unknown) => conclude(unacknowledged(error)),
    );
  }

  /** In the spool only: who finds an intent on the bus charges the estimated input. */
  progress(requestId: string, payload: Uint8Array): void {
    this.#options.spool.progress(requestId, payload);
  }

  final(record: FinalRecord, done: SpoolCallback, synced?: boolean): void {
    const { spool, clock } = this.#options;
    const { requestId } = record;
    // A request that was refused before it was to be dispatched has nothing that could be lost.
    if (!this.#begun.delete(requestId)) {
      spool.final(record, done, synced);
      return;
    }
    const timer = clock.schedule(longestWaitMs, () => {
      this.#late.add(1, "final");
      tell(ending);
    });
    const progress = { written: false, acknowledged: false, told: false };
    const ending: Ending = { timer, done, ...progress, error: undefined };
    this.#endings.set(requestId, ending);
    const onSpooled = (error: GatewayError | undefined): void => {
      ending.written = true;
      ending.error = error;
      if (ending.acknowledged) tell(ending);
    };
    spool.final(record, { onSpooled }, synced);
  }

  /** The bus has the event of the request. Called by the emitter. */
  published(requestId: string): void {
    const ending = this.#endings.get(requestId);
    if (ending === undefined) return;
    this.#endings.delete(requestId);
    ending.acknowledged = true;
    // One that stays is found when its router is gone, and its event is known by then.
    this.#options.intents.purge(this.#key(requestId)).catch(() => undefined);
    if (ending.written) tell(ending);
  }

  #key(requestId: string): string {
    return intentKey({ worker: this.#options.name, epoch: this.epoch, requestId });
  }
}

function tell(ending: Ending): void {
  if (ending.told) return;
  ending.told = true;
  ending.timer.cancel();
  ending.done.onSpooled(ending.acknowledged ? undefined : ending.error);
}

function unacknowledged(cause?: unknown): GatewayError {
  const message = "The bus did not take the record of the request. Try again shortly.";
  const options = { source: "gateway", retryAfterMs: 1_000 } as const;
  return new GatewayError("METERING_UNAVAILABLE", message, { ...options, cause });
}
