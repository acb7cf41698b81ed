import type {
  ReturnLeasesRequest,
  ReturnLeasesResponse,
  SyncLeasesRequest,
  SyncLeasesResponse,
} from "@penstock/api";
import type { Observability, SpanContext } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { LeaseBook } from "./lease-book.ts";

export interface LeaseCallOptions {
  readonly signal: AbortSignal;
  /** Span of the first request that waits, when it is sampled. */
  readonly parent: SpanContext | undefined;
}

export interface LeaseSyncOptions {
  readonly book: LeaseBook;
  /** `<replica>/<worker>`. */
  readonly holder: string;
  readonly epoch: bigint;
  readonly call: (
    request: SyncLeasesRequest,
    options: LeaseCallOptions,
  ) => Promise<SyncLeasesResponse>;
  readonly returnLeases: (
    request: ReturnLeasesRequest,
    options: LeaseCallOptions,
  ) => Promise<ReturnLeasesResponse>;
  readonly clock: Clock;
  readonly observability: Observability;
  /** Revision of the configuration in use. */
  readonly revision: () => bigint;
  /** From `Spool.retiredEpochs`. */
  readonly retiredEpochs?: readonly { epoch: bigint; lastSequence: bigint }[];
}

export declare class LeaseSync {
  constructor(options: LeaseSyncOptions);
  start(): void;
  /** Whether quota has answered once. */
  readonly reached: boolean;
  /** Stops and gives every lease back; never rejects. */
  drain(deadlineMs: number): Promise<void>;
}
