import type { FinalRecord, RetiredSpoolEpoch } from "./spool-callback.ts";
import type { SpoolSegments } from "./spool-segments.ts";

/** Hears of every final, in the order of their numbers. */
export interface FinalListener {
  /** `readable`: it is in a segment, from which it can be read again. */
  onFinal(record: FinalRecord, readable: boolean): void;
}

/** What an emitter needs of a spool: of the one in use, or of one that was adopted. */
export interface EmittedSpool {
  readonly folder: string;
  /** The life that writes now; of an adopted spool one that never writes. */
  readonly epoch: bigint;
  /** Former lives whose requests all have an end now. */
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
  readonly segments: SpoolSegments;
  /** Set by the emitter. */
  listener: FinalListener | undefined;
  /** Both consumers have all events of the epoch up to `sequence`. */
  confirm(epoch: bigint, sequence: bigint): void;
}
