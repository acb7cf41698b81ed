import { GatewayError } from "@penstock/errors";
import type { TokenUsage } from "@penstock/api";
import { localFailure } from "../failure-to-error.ts";
import type { AnswerEnd, StreamEvent, StreamLimits, StreamSink } from "../format.ts";

const defaultMaxArgumentsLength = 16_777_216;
const defaultMaxBlocks = 4_096;

/** How the stream ended, kept until the events of the same read are flushed. */
type Ending =
  | { readonly error: GatewayError; readonly usage: TokenUsage | undefined }
  | { readonly end: AnswerEnd };

/**
 * What a stream comes to, on its way to the sink: its blocks, numbered and within their bounds, one
 * flush for each read, and one end.
 */
export class AnswerOutput {
  readonly #sink: StreamSink;
  readonly #maxArgumentsLength: number;
  readonly #maxBlocks: number;
  #blocks = 0;
  #argumentsLength = 0;
  #eventCount = 0;
  #unflushed = false;
  #ending: Ending | undefined;
  #settled = false;

  constructor(sink: StreamSink, limits: StreamLimits) {
    this.#sink = sink;
    this.#maxArgumentsLength = limits.maxArgumentsLength ?? defaultMaxArgumentsLength;
    this.#maxBlocks = limits.maxBlocks ?? defaultMaxBlocks;
  }

  /** Whether it is known how the stream ended; whatever follows means nothing. */
  get over(): boolean {
    return this.#ending !== undefined;
  }

  /** Whether any event was handed on: then no other target can answer any more. */
  get hasContent(): boolean {
    return this.#eventCount > 0;
  }

  /** Number of events that were handed on. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Takes the next block number; throws UPSTREAM_MALFORMED when there are too many. */
  nextBlock(): number {
    if (this.#blocks >= this.#maxBlocks) throw localFailure("MALFORMED", "too many blocks");
    return this.#blocks++;
  }

  /** Counts characters of arguments; throws UPSTREAM_MALFORMED when there are too many. */
  countArguments(length: number): void {
    this.#argumentsLength += length;
    if (this.#argumentsLength > this.#maxArgumentsLength) {
      throw localFailure("MALFORMED", "the arguments of the tool calls are too long");
    }
  }

  /** Hands one event on. */
  emit(event: StreamEvent): void {
    this.#eventCount += 1;
    this.#unflushed = true;
    this.#sink.event(event);
  }

  /** Hands on text of the stream as it came. */
  relay(text: string): void {
    if (text === "") return;
    this.#unflushed = true;
    this.#sink.relay?.(text);
  }

  /** The answer is complete. Here and below, the first end is the one that counts. */
  complete(end: AnswerEnd): void {
    this.#ending ??= { end };
  }

  /** The answer broke; `usage` is what the provider says it used. */
  fail(error: GatewayError, usage?: TokenUsage): void {
    this.#ending ??= { error, usage };
  }

  /** The answer broke off, or can't be read. */
  break(failureClass: "MALFORMED" | "STREAM_BROKEN", detail: string): void {
    if (this.#ending === undefined) this.fail(localFailure(failureClass, detail));
  }

  /** Something was thrown: a GatewayError ends the answer, anything else is rethrown. */
  caught(error: unknown, usage?: TokenUsage): void {
    if (!(error instanceof GatewayError)) throw error;
    this.fail(error, usage);
  }

  /** The end of a read: everything of it is flushed first; only then may the answer end. */
  settle(): void {
    if (this.#settled) return;
    if (this.#unflushed) {
      this.#unflushed = false;
      this.#sink.flush();
    }
    const ending = this.#ending;
    if (ending === undefined) return;
    this.#settled = true;
    if ("end" in ending) this.#sink.finish(ending.end);
    else this.#sink.fail(ending.error, ending.usage);
  }
}
