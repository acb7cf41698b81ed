import { GatewayError } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import { BackgroundSync } from "./background-sync.ts";
import { EmergencySegment } from "./emergency-segment.ts";
import type { EmittedSpool, FinalListener } from "./emitted-spool.ts";
import { saveEpoch } from "./epoch-counter.ts";
import { prepareSpool } from "./prepare-spool.ts";
import type { PreparedSpool } from "./prepare-spool.ts";
import type { FinalRecord, RetiredSpoolEpoch, SpoolCallback } from "./spool-callback.ts";
import { systemFiles } from "./spool-files.ts";
import type { SpoolLock } from "./spool-lock.ts";
import type { SpoolFiles } from "./spool-files.ts";
import { RecordBatch } from "./spool-record.ts";
import type { RecordKind } from "./spool-record.ts";
import { SpoolSegments } from "./spool-segments.ts";
import type { SpoolSegment } from "./spool-segment.ts";

const defaultSegmentBytes = 16 * 1024 * 1024;
const defaultBoundBytes = 2 * 1024 * 1024 * 1024;
/** How long a full or broken disk is left alone before it is tried again. */
const retryMs = 1_000;

/** What a spool needs. */
export interface SpoolOptions {
  /** `<dataDir>/spool/<worker>`; made when it is not there. */
  readonly folder: string;
  /** Name of the replica as events carry it. */
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
  /** Size of a segment, and of the emergency one; 16 MiB when absent (reliability §2.9). */
  readonly segmentBytes?: number;
  /** From this size on no request begins; 2 GiB when absent (reliability §2.9). */
  readonly boundBytes?: number | undefined;
  /** The file system; that of the machine when absent. */
  readonly files?: SpoolFiles;
}

interface Entry {
  readonly kind: RecordKind;
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly sequence: bigint;
  readonly final: FinalRecord | undefined;
  readonly done: SpoolCallback | undefined;
  readonly synced: boolean;
}

/**
 * The bridge between a request and the ledger: what began, and how it ended, is in a file before
 * anything follows from it, so that the death of the process loses no charge. Everything of one
 * turn of the event loop is written by one call at its end.
 */
export class Spool implements EmittedSpool {
  readonly epoch: bigint;
  /** Former lives whose requests all have an end now. */
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
  readonly segments: SpoolSegments;
  /** Set by the emitter. */
  listener: FinalListener | undefined;
  readonly #options: SpoolOptions;
  readonly #files: SpoolFiles;
  readonly #lock: SpoolLock;
  readonly #batch = new RecordBatch();
  readonly #sync: BackgroundSync;
  readonly #emergency: EmergencySegment;
  readonly #boundBytes: number;
  readonly #failures;
  #entries: Entry[] = [];
  #scheduled = false;
  #sequence = 0n;
  /** Called when the disk can't be written any more, and when it can again. */
  onWritable: (writable: boolean) => void = () => undefined;
  #degraded = false;
  #isEpochSaved: boolean;
  #retryTimer: Timer | undefined;
  #warned = false;
  #closed = false;
  readonly #flush = (): void => this.#writeTurn();

  /**
   * Opens the spool of a worker and recovers what earlier epochs left. Blocks: call it before
   * listening. On a full disk it takes no intents until there is room. Throws what `prepareSpool`
   * throws.
   */
  static open(options: SpoolOptions): Spool {
    const { folder, replica, clock } = options;
    const { logger } = options.observability;
    const files = options.files ?? systemFiles;
    const prepared = prepareSpool({ folder, replica, files, clock, logger });
    return new Spool({ ...options, files }, prepared);
  }

  constructor(options: SpoolOptions & { readonly files: SpoolFiles }, prepared: PreparedSpool) {
    const { files } = options;
    const { epoch, recovered } = prepared;
    this.#options = options;
    this.#files = files;
    this.#lock = prepared.lock;
    this.epoch = epoch;
    this.#isEpochSaved = prepared.isEpochSaved;
    this.retiredEpochs = recovered.retiredEpochs;
    this.#boundBytes = options.boundBytes ?? defaultBoundBytes;
    const segmentBytes = options.segmentBytes ?? defaultSegmentBytes;
    const sync = new BackgroundSync(files, options.clock, this);
    this.#sync = sync;
    this.segments = new SpoolSegments({
      folder: options.folder,
      files,
      epoch,
      segmentBytes,
      onSealed: (segment, fd) => sync.sealed(segment, fd),
    });
    this.segments.adopt(recovered.segments);
    this.#emergency = new EmergencySegment(files, options.folder, epoch, segmentBytes);
    const { metrics } = options.observability;
    const help = "Writes to the spool that failed, by what was to be written.";
    this.#failures = metrics.counter("penstock_spool_failures_total", help, ["record"]);
    metrics.gaugeFunction("penstock_spool_bytes", "Size of the usage spool.", () => this.bytes);
    metrics
      .gauge("penstock_spool_bound_bytes", "Size of the spool from which on no request begins.")
      .set(this.#boundBytes);
    metrics
      .counter("penstock_spool_recovered_total", "What recovery found.", ["kind"])
      .add(recovered.interrupted, "interrupted");
    try {
      this.#reserve();
    } catch (error) {
      this.#degrade(error);
    }
  }

  /** False while no request is taken because the disk is full or broken. */
  get writable(): boolean {
    return !this.#degraded;
  }

  get folder(): string {
    return this.#options.folder;
  }

  /** Size of all segments. */
  get bytes(): number {
    return this.segments.bytes;
  }

  /** The highest number that was given. */
  get lastSequence(): bigint {
    return this.#sequence;
  }

  /**
   * The number of the next final. It is taken by `final`, which must follow in the same turn of the
   * event loop: consumers count without gaps, and whoever fails in between must not leave one.
   */
  nextSequence(): bigint {
    return this.#sequence + 1n;
  }

  /** False on a disk that can't be written and at the bound. */
  get takesIntents(): boolean {
    return !this.#degraded && this.segments.bytes < this.#boundBytes;
  }

  /** Whether the intent of the request was taken and no final has followed. */
  hasIntent(requestId: string): boolean {
    return (
      this.segments.isOpen(requestId) ||
      this.#entries.some((entry) => entry.kind === "intent" && entry.requestId === requestId)
    );
  }

  /**
   * A request is about to be dispatched. `payload` is the encoded UsageEvent that is published if
   * the process dies now; `synced`: only once it is on the disk `done` is told.
   */
  intent(requestId: string, payload: Uint8Array, done: SpoolCallback, synced = false): void {
    if (!this.takesIntents) {
      this.#failures.add(1, "intent");
      done.onSpooled(meteringUnavailable());
      return;
    }
    this.#add({ kind: "intent", requestId, payload, sequence: 0n, final: undefined, done, synced });
  }

  /** `payload`: an encoded UsageEvent whose fields replace those of the intent. */
  progress(requestId: string, payload: Uint8Array): void {
    const rest = { sequence: 0n, final: undefined, done: undefined, synced: false };
    this.#add({ kind: "progress", requestId, payload, ...rest });
  }

  /**
   * A request is over. Also when `done` hears of an error the event is published. `synced`: only
   * once it is on the disk `done` is told. Throws when the number is not that of the next final.
   */
  final(record: FinalRecord, done: SpoolCallback, synced = false): void {
    const { requestId, payload, sequence } = record;
    if (sequence !== this.#sequence + 1n) throw new Error(`final ${sequence} is not the next`);
    this.#sequence = sequence;
    this.#add({ kind: "final", requestId, payload, sequence, final: record, done, synced });
  }

  /** Both consumers have all events of the epoch up to `sequence`. */
  confirm(epoch: bigint, sequence: bigint): void {
    this.segments.confirm(epoch, sequence);
  }

  /** Writes what waits and syncs it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#writeTurn();
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.segments.sealActive();
    await this.#sync.settle();
    this.#emergency.close();
    this.#lock.release();
  }

  /** Seals the file whose sync failed and writes what may be lost into a new one, if it can. */
  onSyncFailed(segment: SpoolSegment, unsynced: readonly Buffer[], error: Error): boolean {
    this.#failures.add(1, "sync");
    const { logger } = this.#options.observability;
    logger.error("the spool could not be synced; its last records are written again", { error });
    segment.fd = undefined;
    this.segments.seal(segment);
    if (unsynced.length === 0) return true;
    if (this.#closed) return false;
    try {
      const bytes = Buffer.concat(unsynced);
      const next = this.segments.append(bytes, segment.lastSequence);
      next.repeats = segment;
      this.#sync.written(next, bytes);
      return true;
    } catch (failure) {
      this.#degrade(failure);
      return false;
    }
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  #writeTurn(): void {
    this.#scheduled = false;
    const entries = this.#entries;
    if (entries.length === 0 || this.#closed) return;
    this.#entries = [];
    const refuses = this.#degraded || this.#isFull();
    if (refuses) this.#writeRefusing(entries);
    else this.#writeAll(entries);
  }

  #writeAll(entries: readonly Entry[]): void {
    let lastSequence = 0n;
    for (const entry of entries) {
      this.#batch.add(entry);
      if (entry.kind === "final") lastSequence = entry.sequence;
    }
    const bytes = this.#batch.take();
    try {
      const segment = this.segments.append(bytes, lastSequence);
      this.#sync.written(segment, bytes);
      for (const entry of entries) this.segments.note(segment, entry.kind, entry.requestId);
    } catch (error) {
      this.#degrade(error);
      this.#writeRefusing(entries);
      return;
    }
    for (const entry of entries) this.#tell(entry, undefined);
  }

  /** No request begins; those that run still get their ends written. */
  #writeRefusing(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind !== "final") {
        if (entry.kind === "intent") this.#failures.add(1, "intent");
        this.#tell(entry, entry.kind === "intent" ? meteringUnavailable() : undefined);
        continue;
      }
      try {
        const readable = !this.#degraded;
        if (readable) this.#writeOne(entry);
        else this.#emergency.write(entry, entry.synced);
        this.segments.end(entry.requestId);
        this.#tell(entry, undefined, readable);
      } catch (error) {
        this.#failures.add(1, "final");
        this.#options.observability.logger.error("the end of a request could not be written", {
          request_id: entry.requestId,
          error,
        });
        this.segments.end(entry.requestId);
        this.#tell(entry, meteringUnavailable(error));
      }
    }
  }

  #writeOne(entry: Pick<Entry, "kind" | "requestId" | "payload" | "sequence">): void {
    this.#batch.add(entry);
    const bytes = this.#batch.take();
    const segment = this.segments.append(bytes, entry.sequence);
    this.#sync.written(segment, bytes);
  }

  #tell(entry: Entry, error: GatewayError | undefined, readable = error === undefined): void {
    const { done, final } = entry;
    if (final !== undefined) this.listener?.onFinal(final, readable);
    if (done === undefined) return;
    if (!entry.synced || error !== undefined) done.onSpooled(error);
    else {
      this.#sync.whenSynced((failure) => {
        done.onSpooled(failure === undefined ? undefined : meteringUnavailable(failure));
      });
    }
  }

  #isFull(): boolean {
    const { bytes } = this;
    if (bytes < this.#boundBytes * 0.8) {
      this.#warned = false;
      return false;
    }
    if (!this.#warned) {
      this.#warned = true;
      const { logger } = this.#options.observability;
      logger.warn("the usage spool is nearly full; its events are not confirmed", { bytes });
    }
    return bytes >= this.#boundBytes;
  }

  #degrade(error: unknown): void {
    const { clock, observability } = this.#options;
    if (!this.#degraded) {
      observability.logger.error("the spool can't be written", { error });
      this.onWritable(false);
    }
    this.#degraded = true;
    this.segments.sealActive();
    this.#retryTimer ??= clock.schedule(retryMs, () => {
      this.#retryTimer = undefined;
      this.#recover();
    });
  }

  /** What has to be on the disk before a request begins. */
  #reserve(): void {
    if (!this.#isEpochSaved) saveEpoch(this.#options.folder, this.epoch);
    this.#isEpochSaved = true;
    this.#emergency.reserve();
  }

  /** Tries the disk again: with the ends that lie in the emergency segment, or else with nothing. */
  #recover(): void {
    if (this.#closed) return;
    try {
      this.#reserve();
      this.#files.fsyncSync(this.segments.active().fd ?? -1);
      for (const record of this.#emergency.records) this.#writeOne(record);
    } catch (error) {
      this.#degrade(error);
      return;
    }
    this.#degraded = false;
    this.onWritable(true);
    void this.#emergency.release();
    this.#options.observability.logger.info("the spool can be written again");
  }
}

function meteringUnavailable(cause?: unknown): GatewayError {
  const message = "Usage can't be recorded at the moment. Try again shortly.";
  const options = { source: "gateway", retryAfterMs: retryMs } as const;
  return new GatewayError("METERING_UNAVAILABLE", message, { ...options, cause });
}
