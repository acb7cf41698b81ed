import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { Consumption, ConsumeOptions, EventStream } from "../event-stream.ts";
import type { PublishResult, StreamMessage } from "../event-stream.ts";
import { busClosed } from "../limits.ts";
import type { StreamTopology } from "../topology.ts";
import { MemoryConsumer } from "./memory-consumer.ts";
import type { StoredMessage } from "./memory-consumer.ts";

/** What the stream may hold before it refuses; a router's spool keeps the rest. */
export interface MemoryStreamBounds {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** About what a usage event costs beside its payload; keeps tiny messages from being free. */
const overheadBytes = 200;

/** Ids remembered at most: 40 MB. Beyond it the oldest are forgotten before their time. */
const maxRecentIds = 200_000;

/**
 * A stream inside the process. A message is kept until every consumer known by then has
 * answered for it; when the bounds are reached new messages are refused (OVERLOADED).
 */
export class MemoryStream implements EventStream {
  readonly #topology: StreamTopology;
  readonly #clock: Clock;
  readonly #bounds: MemoryStreamBounds;
  readonly #messages = new Map<number, StoredMessage>();
  readonly #consumers = new Map<string, MemoryConsumer>();
  // Message id → monotonic time until which a repetition is a duplicate; oldest first.
  readonly #recentIds = new Map<string, number>();
  #lastSequence = 0;
  #bytes = 0;
  #closed = false;

  constructor(topology: StreamTopology, clock: Clock, bounds: MemoryStreamBounds) {
    this.#topology = topology;
    this.#clock = clock;
    this.#bounds = bounds;
    for (const consumer of topology.consumers) this.#consumer(consumer);
  }

  /** How many messages are kept. */
  get size(): number {
    return this.#messages.size;
  }

  async publish(batch: readonly StreamMessage[], signal?: AbortSignal): Promise<PublishResult[]> {
    this.#forgetOldIds();
    const results = batch.map((message) => this.#publishOne(message, signal));
    for (const consumer of this.#consumers.values()) consumer.wake();
    return results;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    if (this.#closed) throw busClosed();
    options.signal?.throwIfAborted();
    return this.#consumer(options.consumer).start(options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.close()));
    this.#messages.clear();
  }

  #consumer(name: string): MemoryConsumer {
    const known = this.#consumers.get(name);
    if (known !== undefined) return known;
    const consumer = new MemoryConsumer({
      clock: this.#clock,
      ackWaitMs: this.#topology.ackWaitMs,
      messages: this.#messages,
      lastSequence: () => this.#lastSequence,
      onDone: (stored) => this.#onDone(stored),
    });
    this.#consumers.set(name, consumer);
    return consumer;
  }

  #publishOne(message: StreamMessage, signal: AbortSignal | undefined): PublishResult {
    if (this.#closed) return { ok: false, error: busClosed() };
    if (signal?.aborted === true) return { ok: false, error: aborted(signal) };
    if (this.#recentIds.has(message.id)) return { ok: true, duplicate: true };
    const sizeBytes = message.payload.byteLength + overheadBytes;
    const refusal = this.#refusal(message, sizeBytes);
    if (refusal !== undefined) return { ok: false, error: refusal };
    this.#lastSequence += 1;
    const copy = { ...message, payload: message.payload.slice() };
    const stored = { sequence: this.#lastSequence, message: copy, sizeBytes, doneBy: 0 };
    this.#messages.set(stored.sequence, stored);
    this.#bytes += sizeBytes;
    const untilMs = this.#clock.monotonicMs() + this.#topology.dedupeWindowMs;
    this.#recentIds.set(message.id, untilMs);
    return { ok: true, duplicate: false };
  }

  #refusal(message: StreamMessage, sizeBytes: number): GatewayError | undefined {
    const { maxMessageBytes, name } = this.#topology;
    if (message.payload.byteLength > maxMessageBytes) {
      const text = `message ${message.id} has more than ${maxMessageBytes} bytes`;
      return new GatewayError("FIELD_INVALID", text, { source: "gateway" });
    }
    const { maxMessages, maxBytes } = this.#bounds;
    const isFull = this.#messages.size >= maxMessages || this.#bytes + sizeBytes > maxBytes;
    if (!isFull) return undefined;
    return new GatewayError("OVERLOADED", `stream ${name} is full`, { source: "gateway" });
  }

  #onDone(stored: StoredMessage): void {
    stored.doneBy += 1;
    if (stored.doneBy < this.#consumers.size) return;
    if (this.#messages.delete(stored.sequence)) this.#bytes -= stored.sizeBytes;
  }

  #forgetOldIds(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, untilMs] of this.#recentIds) {
      if (untilMs > nowMs && this.#recentIds.size <= maxRecentIds) return;
      this.#recentIds.delete(id);
    }
  }
}

function aborted(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason;
  const options = { source: "gateway", cause: signal.reason } as const;
  return new GatewayError("CANCELLED", "publishing was cancelled", options);
}
