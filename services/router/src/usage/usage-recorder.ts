import type { FinalRecord, SpoolCallback } from "./spool-callback.ts";

/**
 * Where requests are recorded: the spool, or the spool and the bus. What a request may go on after
 * is told by `done`.
 */
export interface UsageRecorder {
  /** The present life of this worker's numbers. */
  readonly epoch: bigint;
  /**
   * False while intents are refused. Then only what `hasIntent` may get a final: the room that is
   * left is for the ends of what runs.
   */
  readonly takesIntents: boolean;
  /** Whether the intent of the request was taken and no final has followed. */
  hasIntent(requestId: string): boolean;
  /** The number of the next final, which must follow in the same turn of the event loop. */
  nextSequence(): bigint;
  /**
   * A request is about to be dispatched. `payload` is the encoded UsageEvent that is published if
   * nothing more is heard of it. `synced`: it shall be on the disk before `done` is told.
   */
  intent(requestId: string, payload: Uint8Array, done: SpoolCallback, synced?: boolean): void;
  /** `payload`: an encoded UsageEvent whose fields replace those of the intent. */
  progress(requestId: string, payload: Uint8Array): void;
  /** A request is over. Also when `done` hears of an error the event is published. */
  final(record: FinalRecord, done: SpoolCallback, synced?: boolean): void;
}
