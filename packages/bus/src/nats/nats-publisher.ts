// Publishes to JetStream in batches, one write for each:
//   publish   subject, payload and Nats-Msg-Id, to be answered at <inbox>.<batch>.<index>
//   answer    {"stream": …, "seq": …, "duplicate": …} or {"error": …}; a head with 503: no stream
// The client's own publish makes two errors (for their stacks), two promises and a timer for every
// message, which cost as much as the request that the message tells of.
import { JetStreamApiError } from "@nats-io/jetstream";
import type { ApiError } from "@nats-io/jetstream";
import { createInbox } from "@nats-io/transport-node";
import type { Msg, NatsConnection, PermissionViolationError } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import type { StreamMessage } from "../event-stream.ts";
import { noStream, notAnAcknowledgement } from "./nats-errors.ts";
import { encodeBatch } from "./nats-publish-bytes.ts";

/** How one publish ended: the server has it, now or before, or an error. */
export type PublishEnd = { readonly duplicate: boolean } | { readonly error: unknown };

interface Waiting {
  readonly number: number;
  readonly messages: readonly StreamMessage[];
  readonly ends: (PublishEnd | undefined)[];
  readonly deadlineMs: number;
  readonly done: (ends: PublishEnd[]) => void;
  open: number;
}

interface Acknowledgement {
  readonly stream?: string;
  readonly duplicate?: boolean;
  readonly error?: ApiError;
}

/** Reliability rule 2.1: a publish not acknowledged by then stays in the spool. */
const timeoutMs = 2_000;
const sweepMs = 250;
const published: PublishEnd = { duplicate: false };
const publishedBefore: PublishEnd = { duplicate: true };
const acknowledgementStart = Buffer.from('{"stream":"');
const [digitZero, digitNine, brace] = Buffer.from("09}");

/** The one thing of the client's inside that is used: it takes bytes for the socket as they are. */
interface ByteWriter {
  sendCommand(bytes: Uint8Array): void;
}

/** One for each connection; ends with it. */
export class NatsPublisher {
  readonly #connection: NatsConnection;
  readonly #writer: ByteWriter;
  readonly #inbox: string;
  // In the order of their numbers and deadlines, and few: the next batch mostly waits for the end
  // of the one before. Not a Map: its former tables would tie each batch to the next in memory.
  // It is replaced, never changed, where a batch ends: loops over it go on undisturbed.
  #waiting: Waiting[] = [];
  #subscribed = false;
  #sweeper: NodeJS.Timeout | undefined;
  #last = 0;
  #closed = false;

  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.#connection = connection;
    this.#writer = (connection as unknown as { protocol: ByteWriter }).protocol;
    this.#inbox = createInbox(inboxPrefix);
  }

  /** The most bytes, headers included, that the server takes as one message. */
  get maxMessageBytes(): number {
    return this.#connection.info?.max_payload ?? 0;
  }

  /**
   * Publishes a batch whose ids, subjects and trace contexts are printable ASCII. `done` gets one
   * end for each message, once, never before this returns; after 2 s DEADLINE_EXCEEDED for those
   * that were not answered.
   */
  publish(messages: readonly StreamMessage[], done: (ends: PublishEnd[]) => void): void {
    if (this.#closed) {
      const ends = messages.map(() => ({ error: new Error("the connection was lost") }));
      queueMicrotask(() => done(ends));
      return;
    }
    if (!this.#subscribed) this.#subscribe();
    this.#last += 1;
    const batch: Waiting = {
      number: this.#last,
      messages,
      ends: Array.from({ length: messages.length }, () => undefined),
      deadlineMs: performance.now() + timeoutMs,
      done,
      open: messages.length,
    };
    this.#waiting.push(batch);
    this.#writer.sendCommand(encodeBatch(messages, `${this.#inbox}.${this.#last}.`));
    this.#sweeper ??= setInterval(() => this.#sweep(performance.now()), sweepMs);
  }

  /** The server's permissions forbid a subject: what waits for it is not waited for in vain. */
  deny(error: PermissionViolationError): void {
    for (const batch of this.#waiting) {
      const isDenied = (index: number): boolean => batch.messages[index]?.subject === error.subject;
      this.#fail(batch, error, isDenied);
    }
  }

  /** Ends what still waits; what comes afterwards fails. */
  close(): void {
    this.#closed = true;
    this.#sweep(Number.POSITIVE_INFINITY, () => new Error("the connection was lost"));
  }

  #subscribe(): void {
    this.#subscribed = true;
    this.#connection.subscribe(`${this.#inbox}.>`, {
      callback: (error, answer) => {
        if (error === null) this.#onAnswer(answer);
      },
    });
  }

  #onAnswer(answer: Msg): void {
    const { subject } = answer;
    const dot = subject.lastIndexOf(".");
    const number = Number(subject.slice(this.#inbox.length + 1, dot));
    const batch = this.#waiting.find((one) => one.number === number);
    if (batch === undefined) return;
    const index = Number(subject.slice(dot + 1));
    this.#end(batch, index, readAnswer(answer, batch.messages[index]));
  }

  #end(batch: Waiting, index: number, end: PublishEnd): void {
    if (index >= batch.ends.length || batch.ends[index] !== undefined) return;
    batch.ends[index] = end;
    batch.open -= 1;
    if (batch.open > 0) return;
    this.#waiting = this.#waiting.filter((one) => one !== batch);
    batch.done(batch.ends as PublishEnd[]);
  }

  #fail(batch: Waiting, error: unknown, isConcerned: (index: number) => boolean): void {
    for (const [index, end] of batch.ends.entries()) {
      if (end === undefined && isConcerned(index)) this.#end(batch, index, { error });
    }
  }

  #sweep(nowMs: number, why: () => Error = late): void {
    for (const batch of this.#waiting) {
      if (batch.deadlineMs > nowMs) break;
      this.#fail(batch, why(), () => true);
    }
    if (this.#waiting.length > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

/** Told apart from all else: to publish less at once helps. */
function late(): Error {
  const message = "the server did not acknowledge the message in time";
  return new GatewayError("DEADLINE_EXCEEDED", message, { source: "gateway" });
}

function readAnswer(answer: Msg, message: StreamMessage | undefined): PublishEnd {
  const { data } = answer;
  if (isPlainAcknowledgement(data)) return published;
  if (data.length === 0) return { error: noStream(message?.subject ?? "") };
  try {
    const { stream, duplicate, error } = answer.json<Acknowledgement>();
    if (error !== undefined) return { error: new JetStreamApiError(error) };
    if (stream === undefined) return { error: notAnAcknowledgement() };
    return duplicate === true ? publishedBefore : published;
  } catch (error) {
    return { error };
  }
}

/** `{"stream":"…","seq":123}`: what ends with a number has neither `duplicate` nor `error`. */
function isPlainAcknowledgement(data: Uint8Array): boolean {
  const last = data[data.length - 1];
  const beforeLast = data[data.length - 2] ?? 0;
  if (last !== brace || beforeLast < (digitZero ?? 0) || beforeLast > (digitNine ?? 0))
    return false;
  for (let index = 0; index < acknowledgementStart.length; index += 1) {
    if (data[index] !== acknowledgementStart[index]) return false;
  }
  return true;
}
