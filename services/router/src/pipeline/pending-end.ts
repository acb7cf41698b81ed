import type { GatewayError } from "@penstock/errors";
import type { SpoolCallback } from "../usage/spool-callback.ts";
import type { RequestContext } from "./request-context.ts";
import type { RequestEnd } from "./request-end.ts";

/** Who ends a request when its last record is written, or could not be. */
export interface RecordListener {
  onRecorded(pending: PendingEnd, failure: GatewayError | undefined): void;
}

/** An end that waits for the last record of its request. */
export class PendingEnd implements SpoolCallback {
  readonly context: RequestContext;
  readonly end: RequestEnd;
  readonly durationMs: number;
  readonly #listener: RecordListener;

  constructor(
    listener: RecordListener,
    context: RequestContext,
    end: RequestEnd,
    durationMs: number,
  ) {
    this.context = context;
    this.end = end;
    this.durationMs = durationMs;
    this.#listener = listener;
  }

  onSpooled(failure: GatewayError | undefined): void {
    this.#listener.onRecorded(this, failure);
  }
}
