import { workerName } from "@penstock/bus";
import type { Bus } from "@penstock/bus";
import type { Observability } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { AdoptedSpool } from "./adopted-spool.ts";
import type { RetiredSpoolEpoch } from "./spool-callback.ts";
import { abandonedSpools, awaitsMove } from "./spool-folders.ts";
import type { AbandonedSpool } from "./spool-folders.ts";
import { UsageEmitter } from "./usage-emitter.ts";
import { holderName } from "./holder-name.ts";

const firstRetryMs = 500;
const longestRetryMs = 30_000;
/** Workers start together, and each begins by moving its folder. */
const lookAgainMs = 500;

/** A worker that is gone, as quota hears of it. */
export interface RetiredHolder {
  readonly holder: string;
  /** Higher than every epoch that it had. */
  readonly epoch: bigint;
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
}

/** What adoption needs. */
export interface SpoolAdoptionOptions {
  readonly dataDir: string;
  readonly replica: string;
  /** Workers of this life: "0" to `workers - 1` have their spools themselves. */
  readonly workers: number;
  readonly bus: Pick<Bus, "usage" | "confirmed"> & Partial<Pick<Bus, "onRestored">>;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
  /** Tells quota that the holder is gone, so that its leases end with its last event. */
  retire(holder: RetiredHolder, signal: AbortSignal): Promise<unknown>;
}

interface Adoption {
  readonly spool: AdoptedSpool;
  readonly emitter: UsageEmitter;
}

/**
 * Takes over the spools of workers that no longer exist: there are fewer workers than before, or
 * the replica has another name now. Only the first worker does. Their requests get their ends,
 * their events are published under the names and epochs of those workers, and the files go when
 * both consumers have them.
 */
export class SpoolAdoption {
  readonly #options: SpoolAdoptionOptions;
  readonly #adoptions = new Set<Adoption>();
  /** Folders that were looked at in this life. */
  readonly #seen = new Set<string>();
  readonly #abort = new AbortController();

  constructor(options: SpoolAdoptionOptions) {
    this.#options = options;
  }

  /**
   * Adopts what there is, and later what other workers of a renamed replica move aside as they
   * start. Blocks while it reads. A spool that can't be taken is told of in the log.
   */
  async start(): Promise<void> {
    if (await this.#adoptNew()) return;
    void this.#adoptMoved().catch(() => undefined);
  }

  /** Rejects when it is closed. */
  async #adoptMoved(): Promise<void> {
    do await sleep(this.#options.clock, lookAgainMs, this.#abort.signal);
    while (!(await this.#adoptNew()));
  }

  /** Adopts what was not looked at yet; true when nothing more will come. */
  async #adoptNew(): Promise<boolean> {
    const { dataDir, observability } = this.#options;
    // Looked at first: what is moved from now on is found by the list, or by the next look.
    const isAll = !awaitsMove(dataDir, this.#options);
    for (const abandoned of abandonedSpools(dataDir, this.#options)) {
      if (this.#abort.signal.aborted) return true;
      if (this.#seen.has(abandoned.folder)) continue;
      this.#seen.add(abandoned.folder);
      try {
        await this.#adopt(abandoned);
      } catch (error) {
        const { folder } = abandoned;
        observability.logger.error("the spool of a former worker can't be adopted", {
          folder,
          error,
        });
      }
    }
    return isAll;
  }

  /** Publishes what is left, waiting at most `deadlineMs`. */
  async flush(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#adoptions].map(({ emitter }) => emitter.flush(deadlineMs)));
  }

  /** Stops; what was not confirmed is adopted again at the next start. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#adoptions].map((adoption) => this.#end(adoption)));
  }

  async #adopt({ folder, replica, worker }: AbandonedSpool): Promise<void> {
    const { bus, clock, observability } = this.#options;
    const name = workerName(replica, worker);
    const spool = AdoptedSpool.open({ folder, name, clock, observability });
    if (spool === undefined) return;
    const emitter = new UsageEmitter({ spool, bus, replica: name, clock, observability });
    const adoption = { spool, emitter };
    this.#adoptions.add(adoption);
    observability.logger.info("the spool of a former worker is adopted", { folder, worker: name });
    const { epoch, retiredEpochs } = spool;
    void this.#retire({ holder: holderName(replica, worker), epoch, retiredEpochs });
    await emitter.start();
    spool.whenEmpty(() => {
      observability.logger.info("the spool of a former worker is done", { worker: name });
      void this.#end(adoption);
    });
  }

  async #end(adoption: Adoption): Promise<void> {
    if (!this.#adoptions.delete(adoption)) return;
    await adoption.emitter.close();
    adoption.spool.close();
  }

  async #retire(holder: RetiredHolder): Promise<void> {
    const { clock, retire, observability } = this.#options;
    const { signal } = this.#abort;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      try {
        await retire(holder, signal);
        return;
      } catch (error) {
        observability.logger.debug("quota was not told of a former worker", { error });
        await sleep(clock, retryMs, signal).catch(() => undefined);
        retryMs = Math.min(longestRetryMs, retryMs * 2);
      }
    }
  }
}
