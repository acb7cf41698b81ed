import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { classifyTransportError } from "./classify-transport-error.ts";
import type { CallPhase } from "./classify-transport-error.ts";
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
 * One call: undici's handler and the caller's handle in one object. The sink hears of exactly one
 * end, and of nothing after `cancel`.
 */
export class UpstreamAttempt implements Dispatcher.DispatchHandler, UpstreamHandle {
  readonly #sink: UpstreamSink;
  readonly #target: PreparedTarget;
  #controller: Dispatcher.DispatchController | undefined;
  #phase: CallPhase = "connecting";
  #ended = false;
  #paused = false;
  #dispatching = true;
  #bytes = 0;
  #mostBytes = largestAnswerBytes;
  /** Whether what comes is not passed on. */
  #unread = false;
  #headers: IncomingHttpHeaders = noHeaders;

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
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  cancel(): void {
    if (!this.#end()) return;
    this.#controller?.abort(cancelled);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) {
      // Cancelled while it waited for its connection; nothing was sent.
      controller.abort(cancelled);
      return;
    }
    this.#phase = "sent";
    if (this.#paused) controller.pause();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (this.#ended || status < 200) return;
    this.#phase = "answering";
    this.#headers = headers;
    const isEventStream = isOfType(headers["content-type"], this.#target.streamMediaType);
    if (isEventStream) this.#mostBytes = Infinity;
    // An error says enough by its head, whatever a proxy has done to its body.
    this.#unread = status >= 300 && this.#isEncoded;
    if (this.#unread) this.#mostBytes = largestUnreadBytes;
    const refusal = this.#refusal(controller);
    // Told in any case: a provider that has answered is not one that was never heard.
    this.#sink.onHeaders(status, (name) => this.#header(name), isEventStream);
    if (refusal !== undefined && !this.#ended) this.#refuse(refusal);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#mostBytes) this.#refuse("large");
    else if (!this.#unread) this.#sink.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#end()) this.#sink.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(classifyTransportError(error, this.#phase));
  }

  #header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  get #isEncoded(): boolean {
    const encoding = this.#header("content-encoding");
    return encoding !== undefined && encoding.toLowerCase() !== "identity";
  }

  #refusal(controller: Dispatcher.DispatchController): keyof typeof refusals | undefined {
    if (this.#isEncoded && !this.#unread) return "encoded";
    const length = this.#header("content-length");
    if (length !== undefined && Number(length) > this.#mostBytes) return "large";
    const raw = controller.rawHeaders;
    if (Array.isArray(raw) && raw.length > 2 * mostHeaders) return "headers";
    return undefined;
  }

  #refuse(refusal: keyof typeof refusals): void {
    this.fail({ class: "MALFORMED", message: refusals[refusal], sentBytes: true });
    this.#controller?.abort(cancelled);
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

const noHeaders: IncomingHttpHeaders = {};

/** Most providers write a content type without parameters in the usual way. */
function isOfType(contentType = "", mediaType: string): boolean {
  if (contentType === mediaType) return true;
  return contentType !== plainJson && mediaTypeOf(contentType) === mediaType;
}

const plainJson = "application/json";

/** Given to undici as the reason of an abort; nobody reads its stack. */
const cancelled = new Error("the call was cancelled");
