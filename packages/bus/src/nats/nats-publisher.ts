// Publishes to JetStream with one subscription for all acknowledgements:
//   publish   subject, payload and Nats-Msg-Id, to be answered at <inbox>.<number>
//   answer    {"stream": …, "seq": …, "duplicate": …} or {"error": …}; a head with 503: no stream
// The client's own publish makes two errors (for their stacks), two promises and a timer for every
// message, which cost as much as the request that the message tells of.
import { JetStreamApiError } from "@nats-io/jetstream";
import type { ApiError } from "@nats-io/jetstream";
import { createInbox, headers } from "@nats-io/transport-node";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { StreamMessage } from "../event-stream.ts";

/** How one publish ended: the server has it, now or before, or an error. */
export type PublishEnd = { readonly duplicate: boolean } | { readonly error: unknown };

interface Waiting {
  readonly deadlineMs: number;
  readonly done: (end: PublishEnd) => void;
}

interface Acknowledgement {
  readonly stream?: string;
  readonly duplicate?: boolean;
  readonly error?: ApiError;
}

/** Reliability rule 2.1: a publish not acknowledged by then stays in the spool. */
const timeoutMs = 2_000;
const sweepMs = 250;

/** One for each connection; ends with it. */
export class NatsPublisher {
  readonly #connection: NatsConnection;
  readonly #inbox = createInbox();
  // In the order of their deadlines, as all have the same time.
  readonly #waiting = new Map<string, Waiting>();
  #answers: Subscription | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /** `done` is called exactly once, never before this returns. */
  publish(message: StreamMessage, done: (end: PublishEnd) => void): void {
    this.#answers ??= this.#connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, answer) => this.#onAnswer(error, answer),
    });
    const marks = headers();
    marks.set("Nats-Msg-Id", message.id);
    if (message.traceparent !== undefined) marks.set("traceparent", message.traceparent);
    this.#last += 1;
    const reply = `${this.#inbox}.${this.#last}`;
    try {
      this.#connection.publish(message.subject, message.payload, { headers: marks, reply });
    } catch (error) {
      queueMicrotask(() => done({ error }));
      return;
    }
    this.#waiting.set(reply, { deadlineMs: performance.now() + timeoutMs, done });
    this.#sweeper ??= setInterval(() => this.#sweep(performance.now()), sweepMs);
  }

  /** Ends what still waits. */
  close(): void {
    this.#sweep(Number.POSITIVE_INFINITY);
    if (!this.#connection.isClosed()) this.#answers?.unsubscribe();
  }

  #onAnswer(error: Error | null, answer: Msg): void {
    const waiting = this.#waiting.get(answer.subject);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.subject);
    waiting.done(error === null ? readAnswer(answer) : { error });
  }

  #sweep(nowMs: number): void {
    for (const [reply, { deadlineMs, done }] of this.#waiting) {
      if (deadlineMs > nowMs) break;
      this.#waiting.delete(reply);
      done({ error: new Error("the server did not acknowledge the message in time") });
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

function readAnswer(answer: Msg): PublishEnd {
  if (answer.data.length === 0) return { error: new Error("no stream takes the subject") };
  try {
    const { stream, duplicate, error } = answer.json<Acknowledgement>();
    if (error !== undefined) return { error: new JetStreamApiError(error) };
    if (stream === undefined) return { error: new Error("the answer is no acknowledgement") };
    return { duplicate: duplicate === true };
  } catch (error) {
    return { error };
  }
}
