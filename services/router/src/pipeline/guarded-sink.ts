import type { HeaderGetter } from "@penstock/formats";
import type { TransportFailure, UpstreamSink } from "../upstream/upstream-call.ts";

/**
 * Keeps a mistake in Penstock, met while an answer is read, to the request it belongs to: what the
 * inner sink throws goes to `onBug` instead of ending the process.
 */
export class GuardedSink implements UpstreamSink {
  readonly #inner: UpstreamSink;
  readonly #onBug: (error: unknown) => void;

  constructor(inner: UpstreamSink, onBug: (error: unknown) => void) {
    this.#inner = inner;
    this.#onBug = onBug;
  }

  onHeaders(status: number, header: HeaderGetter, isEventStream: boolean): void {
    try {
      this.#inner.onHeaders(status, header, isEventStream);
    } catch (error) {
      this.#onBug(error);
    }
  }

  onData(chunk: Buffer): void {
    try {
      this.#inner.onData(chunk);
    } catch (error) {
      this.#onBug(error);
    }
  }

  onEnd(): void {
    try {
      this.#inner.onEnd();
    } catch (error) {
      this.#onBug(error);
    }
  }

  onFailure(failure: TransportFailure): void {
    try {
      this.#inner.onFailure(failure);
    } catch (error) {
      this.#onBug(error);
    }
  }
}
