/** What is wrong with an answer that is no HTTP/1.1, or with a connection that ends within one. */
export type AnswerErrorCode =
  | "ANSWER_NOT_HTTP"
  | "ANSWER_HEAD_TOO_LARGE"
  | "ANSWER_HEADER_INVALID"
  | "ANSWER_LENGTH_UNCLEAR"
  | "ANSWER_CHUNK_INVALID"
  | "ANSWER_UPGRADED"
  | "CONNECTION_ENDED"
  | "CONNECTIONS_EXHAUSTED"
  | "CONNECTIONS_CLOSED";

/** Why a call has no whole answer. The text is for logs and holds nothing a provider wrote. */
export class AnswerError extends Error {
  readonly code: AnswerErrorCode;

  constructor(code: AnswerErrorCode, message: string) {
    super(message);
    this.name = "AnswerError";
    this.code = code;
  }
}
