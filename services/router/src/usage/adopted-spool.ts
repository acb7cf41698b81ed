import { rmSync } from "node:fs";
import type { Observability } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { EmittedSpool, FinalListener } from "./emitted-spool.ts";
import { countedEpoch, syncFolder } from "./epoch-counter.ts";
import { listSegments, recoverSpool } from "./recover-spool.ts";
import type { Recovered } from "./recover-spool.ts";
import type { RetiredSpoolEpoch } from "./spool-callback.ts";
import { systemFiles } from "./spool-files.ts";
import { lockSpool } from "./spool-lock.ts";
import type { SpoolLock } from "./spool-lock.ts";
import { SpoolSegments } from "./spool-segments.ts";

/** What an adoption needs. */
export interface AdoptedSpoolOptions {
  readonly folder: string;
  /** The name under which its worker published, see `workerName`. */
  readonly name: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
}

/** The spool of a worker that is gone: ended, published and deleted, never written to. */
export class AdoptedSpool implements EmittedSpool {
  readonly folder: string;
  readonly epoch: bigint;
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
  readonly segments: SpoolSegments;
  listener: FinalListener | undefined;
  readonly #lock: SpoolLock;
  #onEmpty: (() => void) | undefined;

  /**
   * Takes the folder and gives every request in it that had no end its one end. Undefined when
   * there is nothing in it. Blocks.
   *
   * @throws GatewayError FAILED_PRECONDITION when another process has it.
   */
  static open(options: AdoptedSpoolOptions): AdoptedSpool | undefined {
    const { folder, name, clock, observability } = options;
    const lock = lockSpool(folder);
    try {
      const found = listSegments(folder);
      if (found.length === 0) {
        lock.release();
        return undefined;
      }
      const known = found.reduce((most, { epoch }) => (epoch > most ? epoch : most), 0n);
      // Not by the clock: a living router may have the name by now, and began later than these did.
      const epoch = countedEpoch(folder, known) + 1n;
      const { logger } = observability;
      const files = systemFiles;
      const recovered = recoverSpool({ folder, replica: name, files, clock, logger }, found);
      syncFolder(folder);
      // The room that its worker took beforehand: nobody writes here any more.
      rmSync(`${folder}/reserve`, { force: true });
      return new AdoptedSpool(options, { epoch, lock, recovered });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  constructor(
    { folder, observability }: AdoptedSpoolOptions,
    taken: { readonly epoch: bigint; readonly lock: SpoolLock; readonly recovered: Recovered },
  ) {
    const { epoch, lock, recovered } = taken;
    this.folder = folder;
    this.epoch = epoch;
    this.retiredEpochs = recovered.retiredEpochs;
    this.#lock = lock;
    this.segments = new SpoolSegments({
      folder,
      files: systemFiles,
      epoch,
      segmentBytes: 0,
      onSealed: () => undefined,
    });
    this.segments.adopt(recovered.segments);
    observability.metrics
      .counter("penstock_spool_recovered_total", "What recovery found.", ["kind"])
      .add(recovered.interrupted, "interrupted");
  }

  /** Calls `done` once everything in it is confirmed and deleted. */
  whenEmpty(done: () => void): void {
    this.#onEmpty = done;
    this.#look();
  }

  confirm(epoch: bigint, sequence: bigint): void {
    this.segments.confirm(epoch, sequence);
    this.#look();
  }

  /** Gives the folder back; what is left in it is adopted at the next start. */
  close(): void {
    this.#onEmpty = undefined;
    this.#lock.release();
  }

  #look(): void {
    if (this.segments.epochs().length > 0) return;
    const done = this.#onEmpty;
    this.#onEmpty = undefined;
    done?.();
  }
}
