import type { HeaderGetter } from "@penstock/formats";
import type { AnswerSink, TransportFailure, UpstreamSink } from "../upstream/upstream-call.ts";

/** Who ends the request when Penstock made a mistake. */
export interface MistakeListener {
  onMistake(error: unknown): void;
}

/**
 * Keeps a mistake in Penstock, met while an answer is read, to the request it belongs to: what the
 * inner sink throws goes to the listener instead of ending the process.
 */
export class GuardedSink implements UpstreamSink {
  readonly #inner: AnswerSink;
  readonly #listener: MistakeListener;

  constructor(inner: AnswerSink, listener: MistakeListener) {
    this.#inner = inner;
    this.#listener = listener;
  }

  onMistake(error: unknown): void {
    this.#listener.onMistake(error);
  }

  onHeaders(status: number, header: HeaderGetter, isEventStream: boolean): void {
    try {
      this.#inner.onHeaders(status, header, isEventStream);
    } catch (error) {
      this.#listener.onMistake(error);
    }
  }

  onData(chunk: Buffer): void {
    try {
      this.#inner.onData(chunk);
    } catch (error) {
      this.#listener.onMistake(error);
    }
  }

  onEnd(): void {
    try {
      this.#inner.onEnd();
    } catch (error) {
      this.#listener.onMistake(error);
    }
  }

  onFailure(failure: TransportFailure): void {
    try {
      this.#inner.onFailure(failure);
    } catch (error) {
      this.#listener.onMistake(error);
    }
  }
}
