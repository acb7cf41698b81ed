import type { OutboxRelay } from "@penstock/database";
import { toStorageError } from "@penstock/database";
import type { Clock } from "@penstock/runtime";
import type { ConfigPublisherOptions } from "./config-publisher.ts";
import { startConfigPublisher } from "./config-publisher.ts";
import { reconcileBus } from "./reconcile-bus.ts";
import { sweep } from "./sweep.ts";

/** Everything that goes on by itself about the bucket. */
export interface Housekeeping {
  /** Call after a commit: what it wrote is published at once. */
  notify(): void;
  /** Stops; a batch being published is awaited. */
  close(): Promise<void>;
}

/** Pause after a failure, such as a bus that is away. */
const retryMs = 1_000;

/**
 * First compares bus and database, then publishes whatever is committed; from time to time
 * compares again, at once when the bus may have lost something, and sweeps.
 */
export function startHousekeeping(
  options: ConfigPublisherOptions & { readonly intervalMs: number },
): Housekeeping {
  const stop = new AbortController();
  const alarm = new Alarm();
  const silence = options.bus.onRestored(() => alarm.ring());
  let relay: OutboxRelay | undefined;
  const begin = (): void => {
    relay ??= startConfigPublisher(options);
    relay.notify();
  };
  const done = run(options, { begin, alarm }, stop.signal);
  return {
    notify: () => relay?.notify(),
    close: async () => {
      silence();
      stop.abort();
      alarm.ring();
      await done;
      await relay?.close();
    },
  };
}

async function run(
  options: ConfigPublisherOptions & { readonly intervalMs: number },
  { begin, alarm }: { readonly begin: () => void; readonly alarm: Alarm },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, events, intervalMs } = options;
  while (!signal.aborted) {
    let pauseMs = intervalMs;
    try {
      await reconcile(options);
      begin();
      if ((await sweep(db, clock.wallMs())) > 0) begin();
    } catch (error) {
      events.backgroundFailed("housekeeping", toStorageError(error));
      pauseMs = retryMs;
    }
    await alarm.wait(clock, pauseMs);
  }
}

/** Ends a pause early, also one that begins after it rang. */
class Alarm {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  async wait(clock: Clock, durationMs: number): Promise<void> {
    const { resolve, promise } = this.#rung;
    const timer = clock.schedule(durationMs, resolve);
    await promise;
    timer.cancel();
    this.#rung = Promise.withResolvers<void>();
  }
}

async function reconcile({ db, bus, events }: ConfigPublisherOptions): Promise<void> {
  const result = await reconcileBus(db, bus.config);
  if (result.action === "republish") events.republished(result.entries);
  if (result.action === "raise-epoch") events.epochRaised(result.epoch, result.entries);
}
