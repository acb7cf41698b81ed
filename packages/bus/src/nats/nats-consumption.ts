import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { ConsumeOptions, Consumption, Delivery } from "../event-stream.ts";
import type { DeliveryOutcome } from "../event-stream.ts";
import type { StreamTopology } from "../topology.ts";
import { busError } from "./nats-errors.ts";
import type { NatsLink } from "./nats-link.ts";
import type { NatsSession } from "./nats-session.ts";
import { withStream } from "./nats-stores.ts";
import type { NatsStores } from "./nats-stores.ts";
import { wantedConsumer } from "./nats-topology.ts";

/** What a consumption needs of its stream. */
export interface NatsConsumptionContext {
  readonly link: NatsLink;
  readonly stores: NatsStores;
  readonly clock: Clock;
  readonly options: ConsumeOptions;
  readonly stream: StreamTopology;
  onClose(): void;
}

const retryAfterErrorMs = 1_000;
const closeWaitMs = 5_000;
const longestPauseMs = 10_000;
/** The server hears of progress at most so often within the time to answer. */
const progressesInWait = 6;
// The client notices a silent server after two missed heartbeats, half a request each: short
// requests mean that deliveries go on seconds, not a minute, after a server came back.
const shortestRequestMs = 1_000;
const longestRequestMs = 5_000;

/** One `consume` call: a pull consumer that is opened again whenever it ends unasked. */
export class NatsConsumption implements Consumption {
  readonly #context: NatsConsumptionContext;
  readonly #ended = new AbortController();
  /** Pulled, not yet with the handler; at most two batches. */
  readonly #waiting: JsMsg[] = [];
  #handling: readonly JsMsg[] = [];
  #working: Promise<void> | undefined;
  #scheduled = false;
  #progressedMs = Number.NEGATIVE_INFINITY;
  readonly #started = Promise.withResolvers<void>();
  readonly #following: Promise<void>;

  constructor(context: NatsConsumptionContext) {
    this.#context = context;
    context.options.signal?.addEventListener("abort", () => void this.abandon(), { once: true });
    this.#following = this.#follow();
  }

  /** When there is a connection, waits until the consumer exists or could not be made. */
  async started(): Promise<void> {
    if (this.#context.link.connected()) await this.#started.promise;
  }

  async close(): Promise<void> {
    this.#end();
    if (this.#working !== undefined) {
      const late = new AbortController();
      const timeout = sleep(this.#context.clock, closeWaitMs, late.signal).catch(() => {});
      await Promise.race([this.#working, timeout]);
      late.abort();
    }
    await this.abandon();
  }

  /** Ends at once; asks the server to deliver again what nobody answered for. */
  async abandon(): Promise<void> {
    this.#end();
    for (const message of [...this.#handling, ...this.#waiting.splice(0)]) message.nak();
    this.#handling = [];
    await this.#following;
  }

  #end(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#context.onClose();
  }

  async #follow(): Promise<void> {
    const { clock, link, options } = this.#context;
    const { signal } = this.#ended;
    for (let failures = 0; !signal.aborted;) {
      const session = await link.wait(signal).catch(() => undefined);
      if (session === undefined) break;
      try {
        await this.#pull(session, () => (failures = 0));
      } catch (error) {
        if (signal.aborted) break;
        options.onProblem?.(busError(`deliver to consumer ${options.consumer}`, error));
      }
      this.#started.resolve();
      failures += 1;
      const pauseMs = Math.min(100 * 2 ** failures, longestPauseMs) * (0.5 + Math.random());
      await sleep(clock, pauseMs, signal).catch(() => {});
    }
    this.#started.resolve();
  }

  /** Runs until the subscription ends: when this consumption or its session does. */
  async #pull(session: NatsSession, onProgress: () => void): Promise<void> {
    const { stores, options, stream } = this.#context;
    const { client, manager } = session;
    const wanted = wantedConsumer(stream, options.consumer);
    await withStream(stores, stream.name, () => manager.consumers.add(stream.name, wanted));
    const consumer = await client.consumers.get(stream.name, options.consumer);
    const messages: ConsumerMessages = await consumer.consume({
      max_messages: options.maxBatch * 2,
      expires: Math.min(Math.max(options.maxWaitMs, shortestRequestMs), longestRequestMs),
      abort_on_missing_resource: true,
      callback: (message) => {
        onProgress();
        if (this.#ended.signal.aborted) return message.nak();
        this.#waiting.push(message);
        this.#wake();
      },
    });
    this.#started.resolve();
    const ended = AbortSignal.any([this.#ended.signal, session.over]);
    const stop = (): void => messages.stop();
    ended.addEventListener("abort", stop, { once: true });
    if (ended.aborted) stop();
    const problem = await messages.closed();
    ended.removeEventListener("abort", stop);
    if (session.over.aborted) this.#forgetWaiting();
    if (problem instanceof Error) throw problem;
  }

  /** What a lost connection had brought comes again on the next; answers would reach nobody. */
  #forgetWaiting(): void {
    this.#waiting.length = 0;
  }

  #wake(): void {
    if (this.#scheduled || this.#working !== undefined || this.#ended.signal.aborted) return;
    this.#scheduled = true;
    // On the next turn: messages that arrived together make one batch.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#waiting.length > 0 && !this.#ended.signal.aborted) this.#next();
    });
  }

  #next(): void {
    const batch = this.#waiting.splice(0, this.#context.options.maxBatch);
    this.#handling = batch;
    this.#working = this.#work(batch).finally(() => {
      this.#working = undefined;
      this.#handling = [];
      if (this.#waiting.length > 0) this.#wake();
    });
  }

  /** What waits for the handler needs the time as well: it was delivered together with the rest. */
  #progress(batch: readonly JsMsg[]): void {
    const nowMs = this.#context.clock.monotonicMs();
    const isSoon = nowMs - this.#progressedMs < this.#context.stream.ackWaitMs / progressesInWait;
    if (isSoon || this.#handling !== batch) return;
    this.#progressedMs = nowMs;
    for (const message of [...batch, ...this.#waiting]) prolong(message);
  }

  async #work(batch: readonly JsMsg[]): Promise<void> {
    let outcomes: readonly DeliveryOutcome[] = [];
    try {
      const progress = (): void => this.#progress(batch);
      outcomes = await this.#context.options.handle(batch.map(toDelivery), progress);
    } catch (error) {
      this.#context.options.onProblem?.(error);
    }
    // Given back meanwhile: what the handler says now is too late.
    if (this.#handling !== batch) return;
    for (const [index, message] of batch.entries()) {
      const outcome = outcomes[index] ?? { retryAfterMs: retryAfterErrorMs };
      if (outcome === "ack") message.ack();
      else if (outcome === "reject") message.term();
      else message.nak(outcome.retryAfterMs);
    }
  }
}

function prolong(message: JsMsg): void {
  try {
    message.working();
  } catch {
    // Its connection was lost: it comes again on the next.
  }
}

function toDelivery(message: JsMsg): Delivery {
  const traceparent = message.headers?.get("traceparent") ?? "";
  return {
    id: message.headers?.get("Nats-Msg-Id") ?? "",
    subject: message.subject,
    payload: message.data,
    deliveryCount: message.info.deliveryCount,
    ...(traceparent === "" ? {} : { traceparent }),
  };
}
