import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema } from "@penstock/api";
import type { BucketEntry, Bus } from "@penstock/bus";
import type { Observability } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { parseIntentKey } from "./intent-key.ts";
import { interruptedEvent } from "./interrupted-event.ts";
import type { RetiredSpoolEpoch } from "./spool-callback.ts";
import type { UsageRecorder } from "./usage-recorder.ts";

/** How often is looked for requests of routers that are gone. */
const sweepMs = 300_000;
/** A request runs for 15 minutes at most; until then its router may only be cut off from the bus. */
const certainlyOverMs = 1_200_000;
/** Requests that are ended in one round. */
const mostInRound = 1_000;

/** What it needs. */
export interface IntentAdoptionOptions {
  readonly bus: Pick<Bus, "intents" | "routers">;
  /** Name of the worker. */
  readonly name: string;
  /** Whether it looks after those of others, too: the first worker of each router does. */
  readonly sweeps: boolean;
  /** Of this life; gets the ends. */
  readonly recorder: UsageRecorder;
  /** Lives whose spool is there, which tells all of them. */
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger">;
}

/**
 * Ends requests of which only the bus knows: of former lives of this worker whose disk is gone, at
 * once; of any router that is gone, when they can't run any more. They are published as interrupted
 * under the numbers of this life. Two that find the same one publish one event: its id tells.
 */
export class IntentAdoption {
  readonly #options: IntentAdoptionOptions;
  readonly #abort = new AbortController();
  /** Keys by request, to be deleted when the bus has the event. */
  readonly #ending = new Map<string, string>();

  constructor(options: IntentAdoptionOptions) {
    this.#options = options;
  }

  /** Begins in the background: a start must not wait for the bus. */
  start(): void {
    void this.#run();
  }

  close(): void {
    this.#abort.abort();
  }

  /** The bus has the event of the request. Called by the emitter. */
  published(requestId: string): void {
    const key = this.#ending.get(requestId);
    if (key === undefined) return;
    this.#ending.delete(requestId);
    this.#options.bus.intents.purge(key).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { clock, observability, sweeps } = this.#options;
    const { signal } = this.#abort;
    let ownDone = false;
    while (!signal.aborted) {
      try {
        if (!ownDone) await this.#endOwn();
        ownDone = true;
        if (!sweeps) return;
        await this.#sweep();
      } catch (error) {
        observability.logger.debug("intents on the bus can't be ended now", { error });
      }
      await sleep(clock, ownDone ? sweepMs : 1_000, signal).catch(() => undefined);
    }
  }

  async #endOwn(): Promise<void> {
    const { bus, name, recorder, retiredEpochs } = this.#options;
    const kept = new Set(retiredEpochs.map(({ epoch }) => epoch));
    let ended = 0;
    for (const entry of await bus.intents.list(`${name}.`)) {
      const place = parseIntentKey(entry.key);
      if (place === undefined || place.epoch === recorder.epoch) continue;
      // The spool of that life is there and has ended it, or knows how it ended.
      if (kept.has(place.epoch)) await bus.intents.purge(entry.key);
      else ended += this.#end(entry, place.requestId);
    }
    this.#tell(ended);
  }

  async #sweep(): Promise<void> {
    const { bus, clock } = this.#options;
    const routers = new Set((await bus.routers.list()).map(({ key }) => key));
    let ended = 0;
    for (const entry of await bus.intents.list()) {
      if (ended >= mostInRound) break;
      const place = parseIntentKey(entry.key);
      if (place === undefined || routers.has(place.worker)) continue;
      if (clock.wallMs() - startedMs(entry) < certainlyOverMs) continue;
      ended += this.#end(entry, place.requestId);
    }
    this.#tell(ended);
  }

  #end({ key, value }: BucketEntry, requestId: string): number {
    if (this.#ending.has(requestId)) return 0;
    const { recorder, name: replica } = this.#options;
    if (!recorder.takesIntents) throw new Error("the spool has no room for former requests");
    const sequence = recorder.nextSequence();
    const position = { replica, epoch: recorder.epoch, sequence };
    const payload = interruptedEvent(requestId, value, undefined, position);
    this.#ending.set(requestId, key);
    recorder.final({ requestId, sequence, payload }, { onSpooled: () => undefined });
    return 1;
  }

  #tell(ended: number): void {
    if (ended === 0) return;
    const { logger } = this.#options.observability;
    logger.warn("requests of which only the bus knew were ended", { interrupted: ended });
  }
}

/** When the request came; 0 where that can't be read. */
function startedMs({ value }: BucketEntry): number {
  try {
    const { startTime } = fromBinary(UsageEventSchema, value);
    return startTime === undefined ? 0 : timestampMs(startTime);
  } catch {
    return 0;
  }
}
