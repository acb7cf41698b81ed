import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { ConsumeOptions, Consumption, EventStream } from "../event-stream.ts";
import type { PublishResult, StreamMessage } from "../event-stream.ts";
import { busClosed } from "../limits.ts";
import type { StreamTopology } from "../topology.ts";
import { NatsConsumption } from "./nats-consumption.ts";
import { busError, isFull, isMissing } from "./nats-errors.ts";
import type { NatsLink } from "./nats-link.ts";
import { isHeaderText, isSubject } from "./nats-publish-bytes.ts";
import type { NatsPublisher, PublishEnd } from "./nats-publisher.ts";
import type { NatsStores } from "./nats-stores.ts";

/** What a stream needs of the connection. */
export interface NatsStreamContext {
  readonly link: NatsLink;
  readonly stores: NatsStores;
  readonly clock: Clock;
}

/** Published at once: enough to hide the round trip, bounded in memory and in the socket. */
const maxInFlight = 512;
const maxBytesInFlight = 1024 * 1024;
/** Of the headers beside id and trace context. */
const headBytes = 64;

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
    for (let at = 0; at < batch.length;) {
      const part = partOf(batch, at);
      at += part.length;
      results.push(...(await this.#publishPart(part, signal)));
    }
    return results;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    if (this.#closed) throw busClosed();
    options.signal?.throwIfAborted();
    const consumption: NatsConsumption = new NatsConsumption({
      ...this.#context,
      options,
      stream: this.#topology,
      onClose: () => this.#consumptions.delete(consumption),
    });
    this.#consumptions.add(consumption);
    await consumption.started();
    return consumption;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumptions].map((consumption) => consumption.abandon()));
  }

  #publishPart(
    part: readonly StreamMessage[],
    signal: AbortSignal | undefined,
  ): Promise<readonly PublishResult[]> | readonly PublishResult[] {
    const problem = this.#problem(signal);
    if (problem instanceof GatewayError) return part.map(() => ({ ok: false, error: problem }));
    const publisher = problem;
    const refusals = part.map((message) => this.#refusal(message, publisher));
    const taken = part.filter((_, index) => refusals[index] === undefined);
    if (taken.length === 0) return refusals.filter((refusal) => refusal !== undefined);
    return new Promise((resolve) => {
      publisher.publish(taken, (ends) => {
        const results = this.#resultsOf(ends);
        if (taken.length === part.length) return resolve(results);
        const next = results.values();
        resolve(refusals.flatMap((refusal) => refusal ?? next.next().value ?? []));
      });
    });
  }

  /** What keeps everything from being published now, or else the publisher. */
  #problem(signal: AbortSignal | undefined): GatewayError | NatsPublisher {
    if (this.#closed) return busClosed();
    if (signal?.aborted === true) return cancelled(signal);
    try {
      return this.#context.link.session().publisher;
    } catch (error) {
      return busError("take a message", error);
    }
  }

  #resultsOf(ends: readonly PublishEnd[]): PublishResult[] {
    let isGone = false;
    const results = ends.map((end): PublishResult => {
      if (!("error" in end)) return end.duplicate ? storedBefore : stored;
      isGone ||= isMissing(end.error);
      return { ok: false, error: this.#errorOf(end.error) };
    });
    if (isGone) void this.#context.stores.restore(this.#topology.name);
    return results;
  }

  #errorOf(cause: unknown): GatewayError {
    const { name } = this.#topology;
    const options = { source: "gateway", cause } as const;
    if (isFull(cause)) return new GatewayError("OVERLOADED", `stream ${name} is full`, options);
    if (!isMissing(cause)) return busError("take a message", cause);
    const metadata = { missingStream: name };
    const message = `stream ${name} does not exist now; it is made again`;
    return new GatewayError("UNAVAILABLE", message, { ...options, metadata });
  }

  #refusal(message: StreamMessage, publisher: NatsPublisher): PublishResult | undefined {
    const { id, subject, payload, traceparent = "" } = message;
    const { maxMessageBytes } = this.#topology;
    const allBytes = payload.byteLength + id.length + traceparent.length + headBytes;
    if (payload.byteLength > maxMessageBytes || allBytes > publisher.maxMessageBytes) {
      const most = Math.min(maxMessageBytes, publisher.maxMessageBytes);
      return invalid(`message ${id.slice(0, 80)} has more than ${most} bytes`);
    }
    if (!isHeaderText(id)) return invalid("a message id must be printable ASCII");
    if (!isSubject(subject)) return invalid("a subject must be words with dots between them");
    if (traceparent !== "" && !isHeaderText(traceparent)) {
      return invalid("a trace context must be printable ASCII");
    }
    return undefined;
  }
}

const stored: PublishResult = { ok: true, duplicate: false };
const storedBefore: PublishResult = { ok: true, duplicate: true };

function invalid(message: string): PublishResult {
  return { ok: false, error: new GatewayError("FIELD_INVALID", message, { source: "gateway" }) };
}

/** As many messages from `start` on as may be on their way at once; at least one. */
function partOf(batch: readonly StreamMessage[], start: number): readonly StreamMessage[] {
  let end = start;
  for (let bytes = 0; end < batch.length && end - start < maxInFlight; end += 1) {
    bytes += batch[end]?.payload.byteLength ?? 0;
    if (bytes > maxBytesInFlight && end > start) break;
  }
  return start === 0 && end === batch.length ? batch : batch.slice(start, end);
}

function cancelled(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason;
  const options = { source: "gateway", cause: signal.reason } as const;
  return new GatewayError("CANCELLED", "publishing was cancelled", options);
}
