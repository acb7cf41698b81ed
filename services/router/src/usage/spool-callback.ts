import type { GatewayError } from "@penstock/errors";

/** Told once that a record is written (undefined) or could not be (METERING_UNAVAILABLE). */
export interface SpoolCallback {
  onSpooled(error: GatewayError | undefined): void;
}

/** The end of a request, as it is published. */
export interface FinalRecord {
  /** Id of the request. */
  readonly requestId: string;
  /** The encoded UsageEvent; it carries the same epoch and sequence. */
  readonly payload: Uint8Array;
  /** From `Spool.nextSequence()`, taken in the same turn of the event loop. */
  readonly sequence: bigint;
}

/** A former life whose events are all on the disk; reported to quota. */
export interface RetiredSpoolEpoch {
  readonly epoch: bigint;
  readonly lastSequence: bigint;
}
