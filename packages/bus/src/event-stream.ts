import type { GatewayError } from "@penstock/errors";

/** One message to be published. */
export interface StreamMessage {
  /** Published twice within the dedupe window (topology), it is kept once. */
  readonly id: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** W3C trace context of whatever caused it. */
  readonly traceparent?: string;
}

/** What became of one message; `duplicate` means an earlier one of this id is in the stream. */
export type PublishResult =
  | { readonly ok: true; readonly duplicate: boolean }
  | { readonly ok: false; readonly error: GatewayError };

/** One message as a consumer gets it. */
export interface Delivery {
  readonly id: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly traceparent?: string;
  /** 1 the first time. */
  readonly deliveryCount: number;
}

/** Done; again after a while; or never again (the consumer has noted why). */
export type DeliveryOutcome = "ack" | { readonly retryAfterMs: number } | "reject";

/** How a consumer works. */
export interface ConsumeOptions {
  /** Durable name: what it has not acknowledged comes again after a restart. */
  readonly consumer: string;
  readonly maxBatch: number;
  /**
   * How long one request for messages may stay open at the bus. Messages are handed over as
   * soon as they are there and the handler is free; a batch is never held back to fill it.
   */
  readonly maxWaitMs: number;
  /** Aborting ends at once: what the handler has not answered for is delivered again. */
  readonly signal?: AbortSignal;
  /**
   * Handles one batch, one outcome for each delivery in the same order. Called again only after
   * it resolved. If it throws, the whole batch comes again after a second. Each call of
   * `progress` says that the handler is still at it: the time to answer begins anew for all that
   * this consumer has. It never throws, and does nothing after the end.
   */
  handle(batch: Delivery[], progress: () => void): Promise<DeliveryOutcome[]>;
  onProblem?(error: unknown): void;
}

/** A running consumer. */
export interface Consumption {
  /** Waits, at most 5 s, for the handler and applies its outcomes. */
  close(): Promise<void>;
}

/** Messages delivered at least once to every durable consumer, each at its own pace. */
export interface EventStream {
  /**
   * Publishes, in order, and gives one result for each message in the same order. Never rejects
   * for a message; an aborted signal makes the rest fail with its reason.
   */
  publish(batch: readonly StreamMessage[], signal?: AbortSignal): Promise<PublishResult[]>;
  /** Starts (or goes on with) a durable consumer. Two of one name share the messages. */
  consume(options: ConsumeOptions): Promise<Consumption>;
}
