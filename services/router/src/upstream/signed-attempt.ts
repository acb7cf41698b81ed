import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";

/** Bound of a refusal that nobody reads. */
const largestRefusalBytes = 65_536;

/** What becomes of the first answer to a signed call. */
export interface SignedAnswer {
  /** Whether the answer refuses the time of the signature, and it is known now what time it is. */
  readonly isLate: (status: number, date: string | undefined) => boolean;
  /** The call is to be signed and sent once more. Called once at most. */
  readonly again: () => void;
}

/**
 * Passes the first answer to a signed call on to its handler, unless it refuses the time of the
 * signature: then nothing of it is passed on, and the call is sent again when the answer is over.
 */
export class SignedAttempt implements Dispatcher.DispatchHandler {
  readonly #inner: Required<Handler>;
  readonly #answer: SignedAnswer;
  #late = false;
  #bytes = 0;

  constructor(inner: Required<Handler>, answer: SignedAnswer) {
    this.#inner = inner;
    this.#answer = answer;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#inner.onRequestStart(controller, context);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#late = status >= 200 && this.#answer.isLate(status, headers.date);
    if (!this.#late) this.#inner.onResponseStart(controller, status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#late) {
      this.#inner.onResponseData(controller, chunk);
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > largestRefusalBytes) controller.abort(tooLong);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.#late) this.#answer.again();
    else this.#inner.onResponseEnd(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#late) this.#answer.again();
    else this.#inner.onResponseError(controller, error);
  }
}

type Handler = Pick<
  Dispatcher.DispatchHandler,
  "onRequestStart" | "onResponseStart" | "onResponseData" | "onResponseEnd" | "onResponseError"
>;

/** Given to undici as the reason of an abort; nobody reads its stack. */
const tooLong = new Error("the refusal is longer than anybody reads");
