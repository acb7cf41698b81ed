import type { CountTokensResponse, TokenUsage } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { MonotonicMs } from "@penstock/limits";
import type {
  Answer,
  AnswerEnd,
  FormatName,
  StreamEvent,
  TextRange,
  VectorAnswer,
} from "@penstock/formats";

/** A provider's whole answer, as read. */
export type WholeAnswer = Answer | VectorAnswer;

/** Who answers, known when the first content is about to be sent. */
export interface AnswerFacts {
  readonly responseId: string;
  /** Model in the caller's words: the one asked for, or that of a fallback. */
  readonly model: string;
  /** Model in the provider's words. */
  readonly upstreamModel: string;
  readonly provider: string;
  readonly deployment: string;
  readonly attempt: number;
  /** Headers of the provider's answer that callers of its format get. Absent: none. */
  readonly passed?:
    | { readonly format: FormatName; readonly headers: readonly string[] }
    | undefined;
}

/** A provider's whole answer, for callers of its format. */
export interface RelayedText {
  /** One character for each byte (Latin-1). */
  readonly text: string;
  /** The value of `model`, which is replaced by the name that the caller asked for. */
  readonly model: TextRange;
  /** Of the last reasoning in it; undefined: there is none. */
  readonly signature?: string | undefined;
}

/** What is known when a request has been settled. */
export interface SettledFacts {
  readonly usage: TokenUsage;
  /** Undefined when the deployment has no price. */
  readonly costNanoUsd: bigint | undefined;
}

/**
 * The caller's side of one request. Exactly one of `answer`, `vectors`, `counted`, `relay`, `finish` and
 * `fail` is called, once and last. The pipeline obeys `ready`: while it is false it stops reading the
 * provider.
 */
export interface Downstream {
  /** Whether more may be written now. */
  readonly ready: boolean;
  /** Whether the caller is gone; nothing is written then. */
  readonly gone: boolean;
  /** Called by the pipeline: `listener` runs when `ready` becomes true again. */
  onDrain(listener: () => void): void;
  /** Sends a whole answer. */
  answer(answer: Answer, facts: AnswerFacts, settled: SettledFacts): void;
  /** Sends the vectors that were asked for. */
  vectors(answer: VectorAnswer, facts: AnswerFacts, settled: SettledFacts): void;
  /** Sends the count of tokens that was asked for. Absent where no caller asks for one. */
  counted?(count: CountTokensResponse): void;
  /**
   * Sends a whole answer as it came, of a target that speaks the caller's format. Called only where
   * the request says which format that is.
   */
  relay(answer: RelayedText, facts: AnswerFacts, settled: SettledFacts): void;
  /** Opens the streamed answer; what follows can no longer become an error answer. */
  start(facts: AnswerFacts): void;
  /** Adds one event to the write that `flush` makes. */
  event(event: StreamEvent): void;
  /**
   * Adds text of the provider's stream as it came, where it speaks the caller's format; `event` is
   * not called then. Absent where callers have no format.
   */
  text?(text: string): void;
  /** Sends what `event` and `text` gathered, in one write, at this moment. */
  flush(nowMs: MonotonicMs): void;
  /** Ends the streamed answer. */
  finish(end: AnswerEnd, settled: SettledFacts): void;
  /** Sends an error: as an answer before `start`, as the end of the stream after it. */
  fail(error: GatewayError): void;
}
