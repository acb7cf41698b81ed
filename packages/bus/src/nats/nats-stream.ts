import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { ConsumeOptions, Consumption, EventStream } from "../event-stream.ts";
import type { PublishResult, StreamMessage } from "../event-stream.ts";
import { busClosed } from "../limits.ts";
import type { StreamTopology } from "../topology.ts";
import { NatsConsumption } from "./nats-consumption.ts";
import { isFull, unavailable } from "./nats-errors.ts";
import type { NatsPublisher, PublishEnd } from "./nats-publisher.ts";
import { createConsumer } from "./nats-topology.ts";

/** What a stream needs of the connection. */
export interface NatsStreamContext {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  readonly publisher: NatsPublisher;
}

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

  publish(batch: readonly StreamMessage[], signal?: AbortSignal): Promise<PublishResult[]> {
    const results: PublishResult[] = [];
    if (batch.length === 0) return Promise.resolve(results);
    const { promise, resolve } = Promise.withResolvers<PublishResult[]>();
    let next = 0;
    let open = batch.length;
    const send = (): void => {
      const index = next;
      next += 1;
      const message = batch[index];
      if (message === undefined) return;
      this.#publishOne(message, signal, (result) => {
        results[index] = result;
        open -= 1;
        if (open === 0) resolve(results);
        else send();
      });
    };
    for (let started = 0; started < maxInFlight; started += 1) send();
    return promise;
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

  #publishOne(
    message: StreamMessage,
    signal: AbortSignal | undefined,
    done: (result: PublishResult) => void,
  ): void {
    const refusal = this.#refusal(message, signal);
    // Not at once, or a long batch of refusals would fill the stack.
    if (refusal !== undefined) queueMicrotask(() => done({ ok: false, error: refusal }));
    else this.#context.publisher.publish(message, (end) => done(this.#resultOf(end)));
  }

  #resultOf(end: PublishEnd): PublishResult {
    if (!("error" in end)) return { ok: true, duplicate: end.duplicate };
    const { error: cause } = end;
    if (!isFull(cause)) return { ok: false, error: unavailable("take a message", cause) };
    const text = `stream ${this.#topology.name} is full`;
    return { ok: false, error: new GatewayError("OVERLOADED", text, { source: "gateway", cause }) };
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
