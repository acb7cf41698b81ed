import type { Logger } from "@penstock/observability";
import { sleep, systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { Kysely } from "kysely";
import { tryAdvisoryLock } from "./advisory-lock.ts";
import { deleteOutbox, readOutbox } from "./outbox.ts";
import type { OutboxRow } from "./outbox.ts";

/** What the relay works with. */
export interface RelayOutboxOptions<Tables> {
  readonly db: Kysely<Tables>;
  readonly schema: string;
  /** How many messages `publish` gets at most; default 200. */
  readonly batchSize?: number;
  /**
   * Publishes in order; resolves with how many of the first rows were taken. Less than all, or
   * an error, makes the rest come again after a pause, so receivers see a message once or more.
   */
  publish(rows: readonly OutboxRow[], signal: AbortSignal): Promise<number>;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** How often to look without being told; default 1 s. */
  readonly pollMs?: number;
}

/** A running relay. */
export interface OutboxRelay {
  /** Call after a commit that appended: the relay looks at once. */
  notify(): void;
  /** Stops; a batch being published is awaited. */
  close(): Promise<void>;
}

const longestPauseMs = 10_000;

/**
 * Publishes a schema's outbox. Any number of replicas may run it; the one that holds the
 * advisory lock works, the others look once per `pollMs` whether the lock is free.
 */
export function relayOutbox<Tables>(options: RelayOutboxOptions<Tables>): OutboxRelay {
  const stop = new AbortController();
  const wake = makeWake(options.clock ?? systemClock, stop.signal);
  const done = runRelay(options, wake, stop.signal);
  return {
    notify: wake.notify,
    close: async () => {
      stop.abort();
      await done;
    },
  };
}

interface Wake {
  notify(): void;
  /** Resolves when notified (also if that was before the call), after `delayMs`, or at the end. */
  wait(delayMs: number): Promise<void>;
  /** Resolves after `delayMs` or at the end, whoever notifies. */
  pause(delayMs: number): Promise<void>;
}

function makeWake(clock: Clock, signal: AbortSignal): Wake {
  let notified = false;
  let cut: AbortController | undefined;
  const pause = (delayMs: number): Promise<void> => sleep(clock, delayMs, signal).catch(() => {});
  const wait = async (delayMs: number): Promise<void> => {
    if (!notified) {
      cut = new AbortController();
      await sleep(clock, delayMs, AbortSignal.any([cut.signal, signal])).catch(() => {});
      cut = undefined;
    }
    notified = false;
  };
  const notify = (): void => {
    notified = true;
    cut?.abort();
  };
  return { notify, wait, pause };
}

async function runRelay<Tables>(
  options: RelayOutboxOptions<Tables>,
  wake: Wake,
  signal: AbortSignal,
): Promise<void> {
  const pollMs = options.pollMs ?? 1_000;
  for (let failures = 0; !signal.aborted;) {
    try {
      const lock = await tryAdvisoryLock(options.db, `outbox relay ${options.schema}`);
      if (lock === undefined) {
        await wake.pause(pollMs);
        continue;
      }
      try {
        const active = AbortSignal.any([signal, lock.lost]);
        await relayWhileHeld(options, wake, active, () => (failures = 0));
      } finally {
        await lock.release();
      }
    } catch (cause) {
      failures += 1;
      if (signal.aborted) return;
      const pauseMs = Math.min(100 * 2 ** failures, longestPauseMs);
      options.logger.warn("outbox relay failed", { schema: options.schema, pauseMs, cause });
      await wake.pause(pauseMs);
    }
  }
}

async function relayWhileHeld<Tables>(
  options: RelayOutboxOptions<Tables>,
  wake: Wake,
  active: AbortSignal,
  onProgress: () => void,
): Promise<void> {
  const { db, schema } = options;
  const batchSize = options.batchSize ?? 200;
  while (!active.aborted) {
    const rows = await readOutbox(db, schema, batchSize);
    if (rows.length === 0) {
      await wake.wait(options.pollMs ?? 1_000);
      continue;
    }
    const taken = await options.publish(rows, active);
    if (taken > 0) {
      await deleteOutbox(db, schema, rows.slice(0, taken));
      onProgress();
    }
    if (taken < rows.length) throw new Error(`${rows.length - taken} messages were not taken`);
  }
}
