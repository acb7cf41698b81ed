import { readdirSync, readFileSync, rmSync } from "node:fs";
import type { Logger } from "@penstock/observability";
import { newUuidV7 } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { interruptedEvent, lostEvent } from "./interrupted-event.ts";
import { isDiskFull, withReservedRoom } from "./reserved-room.ts";
import { RecordBatch, scanRecords } from "./spool-record.ts";
import type { ScanResult, SpoolRecord } from "./spool-record.ts";
import type { RetiredSpoolEpoch } from "./spool-callback.ts";
import type { SpoolFiles } from "./spool-files.ts";
import {
  appendToSegment,
  createSegment,
  emergencyIndex,
  parseSegmentName,
} from "./spool-segment.ts";
import type { SpoolSegment } from "./spool-segment.ts";

/** What recovery works on. */
export interface RecoveryOptions {
  readonly folder: string;
  readonly replica: string;
  readonly files: SpoolFiles;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What earlier lives have left; every request of theirs has a final now. */
export interface Recovered {
  readonly segments: readonly SpoolSegment[];
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
  /** Requests that ran when a process died. */
  readonly interrupted: number;
  /** Damaged places that were skipped. */
  readonly corrupt: number;
  /** Events of which nothing is known but their number. */
  readonly lost: number;
}

/** The segments of a folder, in the order in which they were written. */
export function listSegments(folder: string): SpoolSegment[] {
  return readdirSync(folder)
    .map((name) => parseSegmentName(folder, name))
    .filter((segment) => segment !== undefined)
    .sort((a, b) => (a.epoch === b.epoch ? a.index - b.index : a.epoch < b.epoch ? -1 : 1));
}

/**
 * Reads what earlier epochs left. A request that had begun and not ended gets a final
 * (interrupted) that goes on with the numbers of its own epoch and is on the disk before this
 * returns, so that another crash gives it no second one. On a full disk an epoch with such requests is
 * left out, for the next start.
 */
export function recoverSpool(options: RecoveryOptions, found: SpoolSegment[]): Recovered {
  const segments: SpoolSegment[] = [];
  const retiredEpochs: RetiredSpoolEpoch[] = [];
  const sums = { interrupted: 0, corrupt: 0, lost: 0 };
  const epochs = new Set(found.map(({ epoch }) => epoch));
  for (const epoch of epochs) {
    const own = found.filter((segment) => segment.epoch === epoch);
    const reading = new EpochReading();
    for (const segment of own) sums.corrupt += reading.read(segment);
    const finals = reading.missingFinals(options, epoch);
    if (finals.records.length > 0) {
      const written = tryToWriteFinals(options, own, finals.records);
      if (written === undefined) continue;
      own.push(written);
    }
    sums.interrupted += finals.interrupted;
    sums.lost += finals.records.length - finals.interrupted;
    segments.push(...own);
    retiredEpochs.push({ epoch, lastSequence: reading.lastSequence });
  }
  return { segments, retiredEpochs, ...sums };
}

/** What the files of one epoch say. */
class EpochReading {
  lastSequence = 0n;
  readonly #open = new Map<string, Uint8Array>();
  readonly #progress = new Map<string, Uint8Array>();
  /** Numbers that were given and whose finals were not found. */
  readonly #missing = new Set<bigint>();
  #previousIndex = -1;
  /**
   * Requests that ended in this or the previous segment: after a failed sync records are written
   * again, and an intent that comes again must not begin its request anew.
   */
  #ended = new Set<string>();
  #endedBefore = new Set<string>();

  /** Reads a segment; gives the number of damaged places. */
  read(segment: SpoolSegment): number {
    const bytes = readFileSync(segment.path);
    const result: ScanResult = { end: 0, corrupt: 0 };
    const follows = segment.index === this.#previousIndex + 1;
    if (segment.index !== emergencyIndex) {
      if (follows) this.#expect(segment.firstSequence - 1n);
      else if (segment.firstSequence > 0n) this.#skipTo(segment.firstSequence - 1n);
      this.#previousIndex = segment.index;
    }
    this.#endedBefore = this.#ended;
    this.#ended = new Set();
    for (const record of scanRecords(bytes, result)) this.#take(record, segment);
    segment.bytes = result.end;
    keepOnly(this.#open, bytes);
    keepOnly(this.#progress, bytes);
    return result.corrupt;
  }

  #take({ kind, requestId, sequence, payload }: SpoolRecord, segment: SpoolSegment): void {
    const ended = this.#ended.has(requestId) || this.#endedBefore.has(requestId);
    if (kind === "final") {
      this.#ended.add(requestId);
      this.#open.delete(requestId);
      this.#progress.delete(requestId);
      this.#expect(sequence - 1n);
      this.#missing.delete(sequence);
      if (sequence > this.lastSequence) this.lastSequence = sequence;
      if (sequence > segment.lastSequence) segment.lastSequence = sequence;
    } else if (!ended && kind === "intent") this.#open.set(requestId, payload);
    else if (this.#open.has(requestId)) this.#progress.set(requestId, payload);
  }

  /** All numbers up to `sequence` must have been given. */
  #expect(sequence: bigint): void {
    while (this.lastSequence < sequence) {
      this.lastSequence += 1n;
      this.#missing.add(this.lastSequence);
    }
  }

  /** What came before was confirmed and deleted. */
  #skipTo(sequence: bigint): void {
    if (sequence > this.lastSequence) this.lastSequence = sequence;
  }

  missingFinals(
    { replica, clock }: RecoveryOptions,
    epoch: bigint,
  ): { records: SpoolRecord[]; interrupted: number } {
    const free = [...this.#missing].sort((a, b) => (a < b ? -1 : 1));
    const records: SpoolRecord[] = [];
    for (const [requestId, intent] of this.#open) {
      const sequence = free.shift() ?? (this.lastSequence += 1n);
      const position = { replica, epoch, sequence };
      const progress = this.#progress.get(requestId);
      const payload = interruptedEvent(requestId, intent, progress, position);
      records.push({ kind: "final", requestId, sequence, payload });
    }
    const interrupted = records.length;
    for (const sequence of free) {
      const requestId = newUuidV7(clock);
      const payload = lostEvent(requestId, { replica, epoch, sequence });
      records.push({ kind: "final", requestId, sequence, payload });
    }
    return { records, interrupted };
  }
}

/** Copies what is still needed out of a file, so that its bytes can go. */
function keepOnly(payloads: Map<string, Uint8Array>, file: Buffer): void {
  for (const [requestId, payload] of payloads) {
    if (payload.buffer === file.buffer) payloads.set(requestId, Uint8Array.from(payload));
  }
}

/** As `writeFinals`; undefined on a full disk, where the epoch is left as it is. */
function tryToWriteFinals(
  options: RecoveryOptions,
  own: readonly SpoolSegment[],
  finals: readonly SpoolRecord[],
): SpoolSegment | undefined {
  try {
    return withReservedRoom(options.folder, () => writeFinals(options, own, finals));
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    const fields = { epoch: String(own[0]?.epoch), requests: finals.length, error };
    options.logger.error("the disk is full: an earlier life is left to the next start", fields);
    return undefined;
  }
}

/** Writes finals of a former epoch into a segment of its own and syncs it; all of them or none. */
function writeFinals(
  { folder, files }: RecoveryOptions,
  own: readonly SpoolSegment[],
  finals: readonly SpoolRecord[],
): SpoolSegment {
  const regular = own.filter(({ index }) => index !== emergencyIndex);
  const last = regular.at(-1);
  const epoch = own[0]?.epoch ?? 0n;
  const index = (last?.index ?? -1) + 1;
  // 0 says nothing about numbers: those of the finals may lie before ones that exist.
  const segment = createSegment(files, folder, { epoch, index, firstSequence: 0n });
  const batch = new RecordBatch();
  for (const final of finals) {
    batch.add(final);
    if (final.sequence > segment.lastSequence) segment.lastSequence = final.sequence;
  }
  const { fd } = segment;
  try {
    appendToSegment(files, segment, batch.take());
    if (fd !== undefined) files.fsyncSync(fd);
  } catch (error) {
    rmSync(segment.path, { force: true });
    throw error;
  } finally {
    if (fd !== undefined) files.closeSync(fd);
    segment.fd = undefined;
  }
  return segment;
}
