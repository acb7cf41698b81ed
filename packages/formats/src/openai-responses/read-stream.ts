import { BlockKind } from "@penstock/api";
import { failureToError } from "../failure-to-error.ts";
import type { AnswerEnd, StreamRelay } from "../format.ts";
import { readLogprobs } from "../logprobs.ts";
import { readInBandError } from "../openai-chat/read-error.ts";
import { shortText } from "../openai-chat/read-response.ts";
import { isJsonObject } from "../read-json.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import { KnownShapes } from "../streams/known-shapes.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { KnownEnd } from "../streams/relayed-end.ts";
import { RelayedEvents } from "../streams/relayed-events.ts";
import { readerOf, type StreamDialect } from "../streams/sse-stream-reader.ts";
import { ItemBlocks } from "./item-blocks.ts";
import { shapeOf, type PlainDelta } from "./plain-delta.ts";
import { readEnd, refuseFailed } from "./read-response.ts";
import { readUsage } from "./usage.ts";

/** The last event tells the whole answer again, and what was asked. */
const defaultMaxLineBytes = 4_194_304;

type Fields = Record<string, unknown>;

class ResponsesStream implements StreamDialect {
  responseId = "";
  model = "";
  readonly #output: AnswerOutput;
  readonly #items: ItemBlocks;
  readonly #relayed: RelayedEvents | undefined;
  readonly #shapes = new KnownShapes<PlainDelta>();
  /** The answer, once it is complete. */
  #end: AnswerEnd | undefined;

  constructor(output: AnswerOutput, relay: StreamRelay | undefined) {
    this.#output = output;
    this.#items = new ItemBlocks(output);
    this.#relayed = relay === undefined ? undefined : new RelayedEvents(relay.model);
  }

  /** A piece like one before it: it is not parsed. */
  take(text: string, at: number): number {
    const shape = this.#shapes.match(text, at);
    if (shape === undefined) return at;
    const { type, fields } = shape.meaning;
    fields["delta"] = shape.valueIn(text);
    this.#delta(type, fields, indexOf(fields["output_index"]), shape.end - at);
    if (this.#relayed !== undefined) this.#output.relay(text.slice(at, shape.end));
    return shape.end;
  }

  event(name: string, data: string): void {
    // Some servers end the stream as their chat does; it proves nothing here.
    if (data === "[DONE]") return;
    const fields = parseStreamEvent(data);
    const type = typeof fields["type"] === "string" ? fields["type"] : name;
    this.#take(type, fields, data.length);
    if (this.#output.over) return;
    this.#relay(type, fields, data);
    if (this.#end !== undefined) this.#complete(this.#end);
    else if (this.#output.hasContent && this.#shapes.learns) {
      const shape = shapeOf(name, fields, data);
      if (shape !== undefined) this.#shapes.add(shape);
    }
  }

  close(): void {
    this.#output.break("STREAM_BROKEN", "the stream ended before the answer was completed");
  }

  /** The text of what has content goes on at once, that of the end with the end. */
  #relay(type: string, fields: Fields, data: string): void {
    const relayed = this.#relayed;
    if (relayed === undefined) return;
    const isAbout = isJsonObject(fields["response"]);
    relayed.add({ type, fields, data, ...(isAbout ? { answer: "response" } : {}) });
    if (this.#output.hasContent && this.#end === undefined) this.#output.relay(relayed.take());
  }

  #complete(end: AnswerEnd): void {
    if (this.#relayed !== undefined) end.relayed = new KnownEnd(this.#relayed.take());
    this.#output.complete(end);
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
        this.#finish(type, isJsonObject(response) ? response : {});
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

  /** Whatever becomes of the answer now, the provider says what it used. */
  #finish(type: string, response: Fields): void {
    try {
      this.#end = this.#endOf({ ...response, status: type.slice("response.".length) });
    } catch (error) {
      this.#output.caught(error, readUsage(response["usage"]).usage);
    }
  }

  #endOf(response: Fields): AnswerEnd {
    this.#noteIdentity(response);
    refuseFailed(response);
    const { output } = response;
    for (const [index, item] of (Array.isArray(output) ? output : []).entries()) {
      if (isJsonObject(item) && !this.#items.knows(index)) this.#items.done(index, item);
    }
    this.#items.end();
    return { ...readEnd(response), responseId: this.responseId, model: this.model };
  }
}

/**
 * Makes the reader of one stream. The proof of a complete answer is the event that says that it is
 * completed or incomplete; that it was created proves nothing.
 */
export const createStreamReader = readerOf(ResponsesStream, defaultMaxLineBytes);

function indexOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}
