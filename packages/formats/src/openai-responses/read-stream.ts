import { BlockKind, type TokenUsage } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type {
  AnswerEnd,
  StreamEvent,
  StreamLimits,
  StreamReader,
  StreamRelay,
  StreamSink,
} from "../format.ts";
import { readLogprobs } from "../logprobs.ts";
import type { BlockOutput } from "../openai-chat/candidate-blocks.ts";
import { readInBandError } from "../openai-chat/read-error.ts";
import { shortText } from "../openai-chat/read-response.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { isJsonObject } from "../read-json.ts";
import { KnownEnd } from "../streams/relayed-end.ts";
import { SseParser } from "../streams/sse-parser.ts";
import { ItemBlocks } from "./item-blocks.ts";
import { readEnd, refuseFailed } from "./read-response.ts";
import { RelayedText } from "./relayed-text.ts";
import { readUsage } from "./usage.ts";

/** The last event tells the whole answer again, and what was asked. */
const defaultMaxLineBytes = 4_194_304;
const defaultMaxArgumentsLength = 16_777_216;
const defaultMaxBlocks = 4_096;

type Fields = Record<string, unknown>;

/**
 * Makes the reader of one stream. The proof of a complete answer is the event that says that it is
 * completed or incomplete; that it was created proves nothing.
 */
export function createStreamReader(
  sink: StreamSink,
  limits: StreamLimits = {},
  relay?: StreamRelay,
): StreamReader {
  return new ResponsesStreamReader(sink, limits, relay);
}

/** How the stream ended, kept until the events of the same read are flushed. */
type Ending = { error: GatewayError; usage?: TokenUsage } | { end: AnswerEnd };

class ResponsesStreamReader implements StreamReader, BlockOutput {
  responseId = "";
  model = "";
  readonly #sink: StreamSink;
  readonly #parser: SseParser;
  readonly #maxArgumentsLength: number;
  readonly #maxBlocks: number;
  readonly #items = new ItemBlocks(this);
  readonly #relayed: RelayedText | undefined;
  #blocks = 0;
  #argumentsLength = 0;
  /** What an answer used that turned out to have failed. */
  #failedUsage: TokenUsage | undefined;
  #unflushed = false;
  #ending: Ending | undefined;
  #settled = false;

  constructor(sink: StreamSink, limits: StreamLimits, relay: StreamRelay | undefined) {
    this.#sink = sink;
    this.#relayed = relay === undefined ? undefined : new RelayedText(sink, relay);
    this.#maxArgumentsLength = limits.maxArgumentsLength ?? defaultMaxArgumentsLength;
    this.#maxBlocks = limits.maxBlocks ?? defaultMaxBlocks;
    this.#parser = new SseParser(
      { event: (name, data) => this.#event(name, data) },
      limits.maxLineBytes ?? defaultMaxLineBytes,
    );
  }

  push(bytes: Uint8Array): void {
    if (this.#ending !== undefined) return;
    if (!this.#parser.push(bytes)) this.#break("MALFORMED", "a line of the stream is too long");
    this.#settle();
  }

  end(): void {
    if (this.#ending !== undefined) return;
    this.#parser.end(true);
    this.#break("STREAM_BROKEN", "the stream ended before the answer was completed");
    this.#settle();
  }

  abort(error: GatewayError): void {
    this.#ending ??= { error };
    this.#settle();
  }

  nextBlock(): number {
    if (this.#blocks >= this.#maxBlocks) throw localFailure("MALFORMED", "too many blocks");
    return this.#blocks++;
  }

  countArguments(length: number): void {
    this.#argumentsLength += length;
    if (this.#argumentsLength > this.#maxArgumentsLength) {
      throw localFailure("MALFORMED", "the arguments of the tool calls are too long");
    }
  }

  emit(event: StreamEvent): void {
    this.#unflushed = true;
    this.#sink.event(event);
  }

  /** Everything of this read is flushed first; only then may the answer end. */
  #settle(): void {
    if (this.#settled) return;
    if (this.#unflushed) {
      this.#unflushed = false;
      this.#sink.flush();
    }
    if (this.#ending === undefined) return;
    this.#settled = true;
    if ("end" in this.#ending) this.#sink.finish(this.#ending.end);
    else this.#sink.fail(this.#ending.error, this.#ending.usage);
  }

  #break(failureClass: "MALFORMED" | "STREAM_BROKEN", detail: string): void {
    this.#ending ??= { error: localFailure(failureClass, detail) };
  }

  #event(name: string, data: string): void {
    // Some servers end the stream as their chat does; it proves nothing here.
    if (this.#ending !== undefined || data === "" || data === "[DONE]") return;
    try {
      const event = parseStreamEvent(data);
      const type = typeof event["type"] === "string" ? event["type"] : name;
      this.#take(type, event, data.length);
      if (this.#ending !== undefined || this.#relayed === undefined) return;
      const isBegun = this.#blocks > 0;
      if (this.#relayed.pass(type, event, data, isBegun)) this.#unflushed = true;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#ending =
        this.#failedUsage === undefined ? { error } : { error, usage: this.#failedUsage };
    }
  }

  #take(type: string, event: Fields, length: number): void {
    const { response, item } = event;
    // Some servers put an error into a stream without a word on what it is.
    if (type === "" && event["error"] != null) throw failureToError(readInBandError(event));
    const index = indexOf(event["output_index"]);
    switch (type) {
      case "error":
        throw failureToError(
          readInBandError(isJsonObject(event["error"]) ? event : { error: event }),
        );
      case "response.failed":
      case "response.completed":
      case "response.incomplete":
        this.#finish(type, isJsonObject(response) ? response : {}, event);
        return;
      case "response.created":
      case "response.in_progress":
      case "response.queued":
        if (isJsonObject(response)) this.#noteIdentity(response);
        return;
      case "response.output_item.added":
        if (isJsonObject(item)) this.#items.added(index, item);
        return;
      case "response.output_item.done":
        if (isJsonObject(item)) this.#items.done(index, item, event);
        return;
      default:
        this.#delta(type, event, index, length);
    }
  }

  #delta(type: string, event: Fields, index: number, length: number): void {
    const { delta, content_index: content, summary_index: summary } = event;
    const text = typeof delta === "string" ? delta : "";
    switch (type) {
      case "response.output_text.delta":
      case "response.refusal.delta": {
        const isText = type === "response.output_text.delta";
        const kind = isText ? BlockKind.TEXT : BlockKind.REFUSAL;
        if (text === "") return;
        const logprobs = readLogprobs(event["logprobs"]);
        this.#items.text(index, indexOf(content), { kind, text, logprobs });
        return;
      }
      case "response.output_text.annotation.added":
        this.#items.citation(index, event["annotation"]);
        return;
      case "response.reasoning_summary_text.delta":
        if (text !== "") this.#items.thought(index, "summary", indexOf(summary), text);
        return;
      case "response.reasoning_text.delta":
        if (text !== "") this.#items.thought(index, "content", indexOf(content), text);
        return;
      case "response.function_call_arguments.delta":
        if (text !== "") this.#items.arguments(index, text);
        return;
      case "response.function_call_arguments.done":
        if (typeof event["arguments"] === "string") {
          this.#items.argumentsDone(index, event["arguments"]);
        }
        return;
      default:
        if (event["output_index"] !== undefined) this.#items.own(index, event, length);
    }
  }

  #noteIdentity(response: Fields): void {
    if (this.responseId === "") this.responseId = shortText(response["id"]);
    if (this.model === "") this.model = shortText(response["model"]);
  }

  #finish(type: string, response: Fields, event: Fields): void {
    this.#noteIdentity(response);
    this.#failedUsage = readUsage(response["usage"]).usage;
    refuseFailed({ ...response, status: type.slice("response.".length) });
    const { output } = response;
    for (const [index, item] of (Array.isArray(output) ? output : []).entries()) {
      if (isJsonObject(item) && !this.#items.knows(index)) this.#items.done(index, item);
    }
    this.#items.end();
    const end = readEnd({ ...response, status: type.slice("response.".length) });
    end.responseId = this.responseId;
    end.model = this.model;
    const relayed = this.#relayed?.last(type, event);
    this.#ending = {
      end: relayed === undefined ? end : { ...end, relayed: new KnownEnd(relayed) },
    };
  }
}

function indexOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}
