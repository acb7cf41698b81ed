import type { Observability } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { FinalRecord, RetiredSpoolEpoch, SpoolCallback } from "./spool-callback.ts";

export interface SpoolOptions {
  /** `<dataDir>/spool/<worker>`; made when it is not there. */
  readonly folder: string;
  /** Name of the replica as events carry it. */
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Observability;
}

export declare class Spool {
  /** Recovers what earlier epochs left. Blocks; call before listening. */
  static open(options: SpoolOptions): Spool;
  readonly epoch: bigint;
  readonly retiredEpochs: readonly RetiredSpoolEpoch[];
  /** Takes the next number; `final` must follow in the same turn of the event loop. */
  nextSequence(): bigint;
  /** `payload`: the encoded UsageEvent that is published if the process dies now. */
  intent(requestId: string, payload: Uint8Array, done: SpoolCallback, synced?: boolean): void;
  /** `payload`: an encoded partial UsageEvent; its fields replace those of the intent. */
  progress(requestId: string, payload: Uint8Array): void;
  final(record: FinalRecord, done: SpoolCallback): void;
  close(): Promise<void>;
}
