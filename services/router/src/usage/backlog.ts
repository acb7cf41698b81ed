import type { Logger } from "@penstock/observability";
import { firstHeldOf, withFirstHeld } from "./first-held.ts";
import { readFinals } from "./read-finals.ts";
import type { FinalRecord } from "./spool-callback.ts";
import type { SpoolSegment } from "./spool-segment.ts";
import type { SpoolSegments } from "./spool-segments.ts";

/** Which finals, and where they lie. */
export interface BacklogOptions {
  readonly segments: Pick<SpoolSegments, "of">;
  readonly epoch: bigint;
  /** Those with a higher number … */
  readonly after: bigint;
  /** … up to this one. */
  readonly until: bigint;
  /**
   * Consumers said that they have all up to this number, and may have lost it: they are believed
   * again once they say more. Absent: they are believed.
   */
  readonly doubted?: bigint;
  readonly logger: Logger;
}

/**
 * Finals of an epoch that are to be read from the disk and published. Of the disk one file is in
 * memory at a time, and of what the bus has not taken one batch.
 */
export class Backlog {
  readonly epoch: bigint;
  /** May be raised: what is written later is read, too. */
  until: bigint;
  readonly #options: BacklogOptions;
  /** The numbers for which the files are read now: above the first, up to the second. */
  #from: bigint;
  #to: bigint;
  /** Files that are still to be read, each with the first number that is left from it on. */
  #files: (readonly [SpoolSegment, bigint])[];
  #firstHeld = 0n;
  #reading: Iterator<FinalRecord> | undefined;
  #left: readonly FinalRecord[] = [];

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.epoch = options.epoch;
    this.until = options.until;
    this.#from = options.after;
    this.#to = options.until;
    this.#files = this.#listFiles();
  }

  /** All of it was read; what can't be read is given up until it is published again. */
  get isRead(): boolean {
    return this.#reading === undefined && this.#files.length === 0 && this.until <= this.#to;
  }

  /** There is nothing more of it. */
  get isDone(): boolean {
    return this.isRead && this.#left.length === 0;
  }

  /** The number up to which consumers have everything, when `confirmed` is what they say. */
  believed(confirmed: bigint): bigint {
    return confirmed > (this.#options.doubted ?? 0n) ? confirmed : 0n;
  }

  /**
   * The next finals, at most `most` and of one file; none when there are no more. `onConfirmed`
   * hears of those that consumers have, which are left out: numbers up to `confirmed`.
   */
  async take(
    most: number,
    confirmed: bigint,
    onConfirmed: (final: FinalRecord) => void,
  ): Promise<FinalRecord[]> {
    const batch: FinalRecord[] = [];
    const add = (final: FinalRecord): void => {
      if (final.sequence > confirmed) batch.push(final);
      else onConfirmed(final);
    };
    for (const final of this.#left.slice(0, most)) add(final);
    this.#left = this.#left.slice(most);
    while (batch.length < most) {
      this.#reading ??= await this.#open();
      if (this.#reading === undefined) break;
      const { done, value } = this.#reading.next();
      if (done !== true) {
        const isWanted = value.sequence > this.#from && value.sequence <= this.#to;
        if (isWanted) add(withFirstHeld(value, this.#firstHeld));
        continue;
      }
      this.#reading = undefined;
      if (batch.length > 0) break;
    }
    return batch;
  }

  /** The bus has not taken these: they come first in what is taken next. */
  putBack(finals: readonly FinalRecord[]): void {
    if (finals.length === 0) return;
    // Copied, so that the file of which they are parts can leave the memory.
    const copies = finals.map((final) => ({ ...final, payload: Uint8Array.from(final.payload) }));
    this.#left = [...copies, ...this.#left];
  }

  #listFiles(): (readonly [SpoolSegment, bigint])[] {
    const { segments, epoch } = this.#options;
    return firstHeldOf(segments.of(epoch)).filter(
      ([one]) => one.lastSequence > this.#from && one.firstSequence <= this.#to,
    );
  }

  async #open(): Promise<Iterator<FinalRecord> | undefined> {
    while (!this.isRead) {
      if (this.#files.length === 0) {
        this.#from = this.#to;
        this.#to = this.until;
        this.#files = this.#listFiles();
      }
      const [file, firstHeld = 0n] = this.#files.shift() ?? [];
      this.#firstHeld = firstHeld;
      const finals = file && (await this.#finalsOf(file.path));
      if (finals !== undefined) return finals[Symbol.iterator]();
    }
    return undefined;
  }

  async #finalsOf(path: string): Promise<Iterable<FinalRecord> | undefined> {
    try {
      return await readFinals(path, this.#from);
    } catch (error) {
      // It was confirmed and deleted while it was to be read.
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      this.#options.logger.error("a file of the spool can't be read", { path, error });
      return undefined;
    }
  }
}
