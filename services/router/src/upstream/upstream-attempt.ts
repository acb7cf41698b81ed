import type { HeaderGetter } from "@penstock/formats";
import { classifyTransportError } from "./classify-transport-error.ts";
import type { CallPhase } from "./classify-transport-error.ts";
import type { AnswerHead } from "./connections/answer-head.ts";
import type { CallControl, CallHandler } from "./connections/call-handler.ts";
import { HandlerMistake } from "./connections/handler-mistake.ts";
import { mediaTypeOf } from "./prepared-target.ts";
import type { PreparedTarget } from "./prepared-target.ts";
import type { TransportFailure, UpstreamHandle, UpstreamSink } from "./upstream-call.ts";

/** Bound of an answer that is no stream (security R5). */
const largestAnswerBytes = 64 * 1024 * 1024;
/** Bound of the number of headers (security R5). */
const mostHeaders = 200;
/** Bound of an error's body that nobody can read; so much is awaited to keep the connection. */
const largestUnreadBytes = 64 * 1024;

/** Why an answer is not read on. */
const refusals = {
  encoded: "the answer is compressed although none was accepted",
  large: "the answer is larger than 64 MiB",
  headers: "the answer has more than 200 headers",
} as const;

/**
 * One call: the handler of its connection and the caller's handle in one object. The sink hears of
 * exactly one end, and of nothing after `cancel`.
 */
export class UpstreamAttempt implements CallHandler, UpstreamHandle {
  readonly #sink: UpstreamSink;
  readonly #target: PreparedTarget;
  #control: CallControl | undefined;
  #phase: CallPhase = "connecting";
  #ended = false;
  #paused = false;
  #dispatching = true;
  #bytes = 0;
  #mostBytes = largestAnswerBytes;
  /** Whether what comes is not passed on. */
  #unread = false;

  constructor(sink: UpstreamSink, target: PreparedTarget) {
    this.#sink = sink;
    this.#target = target;
    target.load.inFlight += 1;
    target.pool.inFlight += 1;
  }

  get sentBytes(): boolean {
    return this.#phase !== "connecting";
  }

  /** `dispatch` has returned: from now on the sink may be called at once. */
  dispatched(): void {
    this.#dispatching = false;
  }

  /** The provider refused the call, and it is made once more: nothing of that was sent so far. */
  beginAgain(): void {
    this.#phase = "connecting";
  }

  /** Ends the call without an answer. */
  fail(failure: TransportFailure): void {
    if (!this.#end()) return;
    if (this.#dispatching) queueMicrotask(() => this.#sink.onFailure(failure));
    else this.#sink.onFailure(failure);
  }

  pause(): void {
    this.#paused = true;
    this.#control?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#control?.resume();
  }

  cancel(): void {
    if (!this.#end()) return;
    this.#control?.abort();
  }

  onConnected(control: CallControl): boolean {
    // Cancelled while it waited for its connection: nothing is sent.
    if (this.#ended) return false;
    this.#control = control;
    this.#phase = "sent";
    if (this.#paused) control.pause();
    return true;
  }

  onHead(status: number, head: AnswerHead): void {
    if (this.#ended) return;
    this.#phase = "answering";
    const isEventStream = isOfType(head.get("content-type"), this.#target.streamMediaType);
    if (isEventStream) this.#mostBytes = Infinity;
    const isEncoded = isEncodedAnswer(head);
    // An error says enough by its head, whatever a proxy has done to its body.
    this.#unread = status >= 300 && isEncoded;
    if (this.#unread) this.#mostBytes = largestUnreadBytes;
    const refusal = this.#refusal(head, isEncoded);
    // Told in any case: a provider that has answered is not one that was never heard.
    this.#sink.onHeaders(status, headersOf(head), isEventStream);
    if (refusal !== undefined && !this.#ended) this.#refuse(refusal);
  }

  onBody(bytes: Buffer): void {
    if (this.#ended) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#mostBytes) this.#refuse("large");
    else if (!this.#unread) this.#sink.onData(bytes);
  }

  onEnd(): void {
    if (this.#end()) this.#sink.onEnd();
  }

  onError(error: Error): void {
    if (error instanceof HandlerMistake) this.#mistaken(error.cause);
    else this.fail(classifyTransportError(error, this.#phase));
  }

  #mistaken(error: unknown): void {
    this.#end();
    if (this.#dispatching) queueMicrotask(() => this.#sink.onMistake(error));
    else this.#sink.onMistake(error);
  }

  #refusal(head: AnswerHead, isEncoded: boolean): keyof typeof refusals | undefined {
    if (isEncoded && !this.#unread) return "encoded";
    const length = head.get("content-length");
    if (length !== undefined && Number(length) > this.#mostBytes) return "large";
    return head.hasMoreThan(mostHeaders) ? "headers" : undefined;
  }

  #refuse(refusal: keyof typeof refusals): void {
    this.fail({ class: "MALFORMED", message: refusals[refusal], sentBytes: true });
    this.#control?.abort();
  }

  /** False: it had ended before. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#target.load.inFlight -= 1;
    this.#target.pool.inFlight -= 1;
    return true;
  }
}

function headersOf(head: AnswerHead): HeaderGetter {
  return (name) => head.get(name);
}

function isEncodedAnswer(head: AnswerHead): boolean {
  const encoding = head.get("content-encoding");
  return encoding !== undefined && encoding.toLowerCase() !== "identity";
}

/** Most providers write a content type without parameters in the usual way. */
function isOfType(contentType = "", mediaType: string): boolean {
  if (contentType === mediaType) return true;
  return contentType !== plainJson && mediaTypeOf(contentType) === mediaType;
}

const plainJson = "application/json";
