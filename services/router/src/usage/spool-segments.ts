import { OpenIntents } from "./open-intents.ts";
import type { RecordKind } from "./spool-record.ts";
import type { SpoolFiles } from "./spool-files.ts";
import { appendToSegment, createSegment } from "./spool-segment.ts";
import type { SpoolSegment } from "./spool-segment.ts";

/** Where and how large. */
export interface SpoolSegmentsOptions {
  readonly folder: string;
  readonly files: SpoolFiles;
  readonly epoch: bigint;
  readonly segmentBytes: number;
  /** Takes over the open file of a segment that was sealed, and closes it. */
  readonly onSealed: (segment: SpoolSegment, fd: number) => void;
}

/**
 * The files of a spool: which one is written to, which requests are open in which, and which can
 * go. A file goes when every final in it is confirmed and no request of it is open.
 */
export class SpoolSegments {
  readonly #options: SpoolSegmentsOptions;
  readonly #all: SpoolSegment[] = [];
  readonly #openIntents = new OpenIntents();
  readonly #confirmed = new Map<bigint, bigint>();
  #active: SpoolSegment | undefined;
  #index = 0;
  #lastWritten = 0n;
  #bytes = 0;

  constructor(options: SpoolSegmentsOptions) {
    this.#options = options;
  }

  /** Size of all files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the last final that was written. */
  get lastWritten(): bigint {
    return this.#lastWritten;
  }

  /** Takes over the files of earlier epochs. */
  adopt(segments: readonly SpoolSegment[]): void {
    for (const segment of segments) {
      this.#all.push(segment);
      this.#bytes += segment.bytes;
    }
    for (const segment of segments) this.#removeIfDone(segment);
  }

  /** The files of an epoch, oldest first. */
  of(epoch: bigint): readonly SpoolSegment[] {
    return this.#all.filter((segment) => segment.epoch === epoch);
  }

  /** Epochs that have files. */
  epochs(): bigint[] {
    return [...new Set(this.#all.map(({ epoch }) => epoch))];
  }

  /** How far the epoch is confirmed; 0n: not at all. */
  confirmedOf(epoch: bigint): bigint {
    return this.#confirmed.get(epoch) ?? 0n;
  }

  /** The file that is written to; makes one when there is none. */
  active(): SpoolSegment {
    if (this.#active !== undefined) return this.#active;
    const { files, folder, epoch } = this.#options;
    const firstSequence = this.#lastWritten + 1n;
    const segment = createSegment(files, folder, { epoch, index: this.#index, firstSequence });
    this.#index += 1;
    this.#all.push(segment);
    this.#active = segment;
    return segment;
  }

  /** Appends records; `lastSequence` is the highest number of a final among them, 0n: none. */
  append(bytes: Buffer, lastSequence: bigint): SpoolSegment {
    const { files, segmentBytes } = this.#options;
    const present = this.#active;
    if (present !== undefined && present.bytes > 0 && present.bytes + bytes.length > segmentBytes) {
      this.sealActive();
    }
    const segment = this.active();
    appendToSegment(files, segment, bytes);
    this.#bytes += bytes.length;
    if (lastSequence > segment.lastSequence) segment.lastSequence = lastSequence;
    if (lastSequence > this.#lastWritten) this.#lastWritten = lastSequence;
    return segment;
  }

  /** A record of the request was written. */
  note(segment: SpoolSegment, kind: RecordKind, requestId: string): void {
    if (kind === "final") this.end(requestId);
    if (kind !== "intent") return;
    segment.openIntents += 1;
    this.#openIntents.set(requestId, segment);
  }

  /** Whether a request began in a file of this life and is not over. */
  isOpen(requestId: string): boolean {
    return this.#openIntents.has(requestId);
  }

  /** The request is over. */
  end(requestId: string): void {
    const segment = this.#openIntents.take(requestId);
    if (segment === undefined) return;
    segment.openIntents -= 1;
    if (segment.openIntents === 0) this.#removeIfDone(segment);
  }

  /** Consumers have all events of the epoch up to `sequence`. */
  confirm(epoch: bigint, sequence: bigint): void {
    if (sequence <= this.confirmedOf(epoch)) return;
    this.#confirmed.set(epoch, sequence);
    for (const segment of this.of(epoch)) this.#removeIfDone(segment);
  }

  /** Nothing is written to the present file any more. */
  sealActive(): void {
    if (this.#active !== undefined) this.seal(this.#active);
  }

  /** Nothing is written to the file any more; it is closed once a sync under way has ended. */
  seal(segment: SpoolSegment): void {
    if (this.#active === segment) this.#active = undefined;
    const { fd } = segment;
    segment.fd = undefined;
    if (fd === undefined) return;
    this.#options.onSealed(segment, fd);
    this.#removeIfDone(segment);
  }

  /** A former epoch goes as a whole: what is left of it has to tell its numbers. */
  #removeIfDone(segment: SpoolSegment): void {
    const confirmed = this.confirmedOf(segment.epoch);
    if (segment.epoch === this.#options.epoch) {
      if (isDone(segment, confirmed) && segment !== this.#active) this.#remove(segment);
      return;
    }
    const all = this.of(segment.epoch);
    if (all.every((one) => isDone(one, confirmed))) for (const one of all) this.#remove(one);
  }

  #remove(segment: SpoolSegment): void {
    const at = this.#all.indexOf(segment);
    if (at === -1) return;
    this.#all.splice(at, 1);
    this.#bytes -= segment.bytes;
    try {
      this.#options.files.unlinkSync(segment.path);
    } catch {
      // It is read again at the next start; consumers know its events.
    }
  }
}

function isDone(segment: SpoolSegment, confirmed: bigint): boolean {
  const repeated = segment.repeats?.openIntents ?? 0;
  return segment.openIntents + repeated === 0 && segment.lastSequence <= confirmed;
}
