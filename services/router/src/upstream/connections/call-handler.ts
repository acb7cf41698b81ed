import type { AnswerHead } from "./answer-head.ts";

/** What can be done to a call that has its connection. */
export interface CallControl {
  /** Reads no more for now; what is on its way already still comes. */
  pause(): void;
  resume(): void;
  /** Breaks the connection. The handler hears nothing more. */
  abort(): void;
}

/**
 * Takes the answer to one call. Exactly one of `onEnd` and `onError` is called, last; neither
 * after `abort`, and neither when `onConnected` gave false. What any of them throws comes back by
 * `onError` as a `HandlerMistake`, though it be after the end.
 */
export interface CallHandler {
  /** There is a connection, and the call is sent with the return. False: it is not wanted. */
  onConnected(control: CallControl): boolean;
  /** The head of the answer; interim ones (1xx) are not told. */
  onHead(status: number, head: AnswerHead): void;
  /** Bytes of the body, at most those of one read. They are the handler's. */
  onBody(bytes: Buffer): void;
  onEnd(): void;
  /** The connection could not be made or broke, or the answer is no HTTP. Its code says which. */
  onError(error: Error): void;
}

/** One call as it is written. */
export interface CallText {
  /** Request line and headers without the empty line, each of Latin-1 characters only. */
  readonly head: string;
  /** A text is sent in UTF-8. */
  readonly body: string | Buffer;
}
