import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { ConsumeOptions, Consumption, EventStream } from "../event-stream.ts";
import type { PublishResult, StreamMessage } from "../event-stream.ts";
import { busClosed } from "../limits.ts";
import type { StreamTopology } from "../topology.ts";
import { NatsConsumption } from "./nats-consumption.ts";
import { isFull, unavailable } from "./nats-errors.ts";
import { createConsumer } from "./nats-topology.ts";

/** What a stream needs of the connection. */
export interface NatsStreamContext {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
}

/** Reliability rule 2.1: a publish not acknowledged by then stays in the spool. */
const publishTimeoutMs = 2_000;
/** Publishes on their way at once: enough to hide the round trip, bounded in memory. */
const maxInFlight = 256;

/** A stream on JetStream. */
export class NatsStream implements EventStream {
  readonly #context: NatsStreamContext;
  readonly #topology: StreamTopology;
  readonly #consumptions = new Set<NatsConsumption>();
  #closed = false;

  constructor(context: NatsStreamContext, topology: StreamTopology) {
    this.#context = context;
    this.#topology = topology;
  }

  async publish(batch: readonly StreamMessage[], signal?: AbortSignal): Promise<PublishResult[]> {
    const results: PublishResult[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < batch.length) {
        const index = next;
        next += 1;
        const message = batch[index];
        if (message !== undefined) results[index] = await this.#publishOne(message, signal);
      }
    };
    const workers = Math.min(maxInFlight, batch.length);
    await Promise.all(Array.from({ length: workers }, work));
    return results;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    if (this.#closed) throw busClosed();
    options.signal?.throwIfAborted();
    try {
      await createConsumer(this.#context, this.#topology, options.consumer);
    } catch (error) {
      throw unavailable(`create consumer ${options.consumer}`, error);
    }
    const consumption: NatsConsumption = new NatsConsumption({
      ...this.#context,
      options,
      stream: this.#topology,
      onClose: () => this.#consumptions.delete(consumption),
    });
    this.#consumptions.add(consumption);
    return consumption;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumptions].map((consumption) => consumption.abandon()));
  }

  async #publishOne(
    message: StreamMessage,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    const refusal = this.#refusal(message, signal);
    if (refusal !== undefined) return { ok: false, error: refusal };
    const marks = headers();
    marks.set("Nats-Msg-Id", message.id);
    if (message.traceparent !== undefined) marks.set("traceparent", message.traceparent);
    try {
      const options = { headers: marks, timeout: publishTimeoutMs };
      const ack = await this.#context.client.publish(message.subject, message.payload, options);
      return { ok: true, duplicate: ack.duplicate };
    } catch (cause) {
      if (!isFull(cause)) return { ok: false, error: unavailable("take a message", cause) };
      const text = `stream ${this.#topology.name} is full`;
      return {
        ok: false,
        error: new GatewayError("OVERLOADED", text, { source: "gateway", cause }),
      };
    }
  }

  #refusal(message: StreamMessage, signal: AbortSignal | undefined): GatewayError | undefined {
    if (this.#closed) return busClosed();
    if (signal?.aborted === true) return cancelled(signal);
    const { maxMessageBytes } = this.#topology;
    if (message.payload.byteLength <= maxMessageBytes) return undefined;
    const text = `message ${message.id} has more than ${maxMessageBytes} bytes`;
    return new GatewayError("FIELD_INVALID", text, { source: "gateway" });
  }
}

function cancelled(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason;
  const options = { source: "gateway", cause: signal.reason } as const;
  return new GatewayError("CANCELLED", "publishing was cancelled", options);
}
