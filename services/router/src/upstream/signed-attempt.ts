import type { AnswerHead } from "./connections/answer-head.ts";
import type { CallControl, CallHandler } from "./connections/call-handler.ts";

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
export class SignedAttempt implements CallHandler {
  readonly #inner: CallHandler;
  readonly #answer: SignedAnswer;
  #control: CallControl | undefined;
  #late = false;
  #bytes = 0;

  constructor(inner: CallHandler, answer: SignedAnswer) {
    this.#inner = inner;
    this.#answer = answer;
  }

  onConnected(control: CallControl): boolean {
    this.#control = control;
    return this.#inner.onConnected(control);
  }

  onHead(status: number, head: AnswerHead): void {
    this.#late = this.#answer.isLate(status, head.get("date"));
    if (!this.#late) this.#inner.onHead(status, head);
  }

  onBody(bytes: Buffer): void {
    if (!this.#late) {
      this.#inner.onBody(bytes);
      return;
    }
    this.#bytes += bytes.length;
    if (this.#bytes <= largestRefusalBytes) return;
    this.#control?.abort();
    this.#answer.again();
  }

  onEnd(): void {
    if (this.#late) this.#answer.again();
    else this.#inner.onEnd();
  }

  onError(error: Error): void {
    if (this.#late) this.#answer.again();
    else this.#inner.onError(error);
  }
}
