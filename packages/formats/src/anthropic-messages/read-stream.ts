import type { CandidateFinish, TokenUsage } from "@penstock/api";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { AnswerEnd, StreamRelay } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import { KnownShapes } from "../streams/known-shapes.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { KnownEnd } from "../streams/relayed-end.ts";
import { RelayedEvents } from "../streams/relayed-events.ts";
import { readerOf, type StreamDialect } from "../streams/sse-stream-reader.ts";
import { HeldBlocks } from "./held-blocks.ts";
import { shapeOf, type PlainDelta } from "./plain-delta.ts";
import { readInBandError } from "./read-error.ts";
import { shortText } from "./read-response.ts";
import { readFinish } from "./stop-reason.ts";
import { StreamBlocks } from "./stream-blocks.ts";
import { mergeUsage, readUsage, servedTierOf } from "./usage.ts";

class MessagesStream implements StreamDialect {
  responseId = "";
  model = "";
  readonly #output: AnswerOutput;
  readonly #blocks: HeldBlocks;
  readonly #content: StreamBlocks;
  readonly #relayed: RelayedEvents | undefined;
  readonly #shapes = new KnownShapes<PlainDelta>();
  #usage: Record<string, unknown> | undefined;
  #finish: CandidateFinish | undefined;
  #stopped = false;

  constructor(output: AnswerOutput, relay: StreamRelay | undefined) {
    this.#output = output;
    this.#blocks = new HeldBlocks(output);
    this.#content = new StreamBlocks(this.#blocks);
    this.#relayed = relay === undefined ? undefined : new RelayedEvents(relay.model);
  }

  get usageSoFar(): TokenUsage | undefined {
    return readUsage(this.#usage).usage;
  }

  get tierSoFar(): string | undefined {
    return servedTierOf(readUsage(this.#usage).raw);
  }

  /** A piece like one before it: it is not parsed. */
  take(text: string, at: number): number {
    // What comes behind the reason of the end waits with it.
    const shape = this.#finish === undefined ? this.#shapes.match(text, at) : undefined;
    if (shape === undefined) return at;
    const { index, kind } = shape.meaning;
    if (!this.#content.grow(index, kind, shape.valueIn(text))) return at;
    if (this.#relayed !== undefined) this.#output.relay(text.slice(at, shape.end));
    return shape.end;
  }

  event(name: string, data: string): void {
    // Compatible servers keep the end mark of another format; it proves nothing here.
    if (data === "[DONE]") return;
    const fields = parseStreamEvent(data);
    const type = typeof fields["type"] === "string" ? fields["type"] : name;
    this.#take(type, fields);
    this.#relay(type, fields, data);
    if (this.#stopped) this.#complete();
    else if (this.#output.hasContent && this.#shapes.learns) {
      const shape = shapeOf(name, fields, data);
      if (shape !== undefined) this.#shapes.add(shape);
    }
  }

  close(): void {
    this.#output.break("STREAM_BROKEN", "the stream ended without message_stop");
  }

  /** What has content goes on at once; why the answer ended is said with its end. */
  #relay(type: string, fields: Record<string, unknown>, data: string): void {
    const relayed = this.#relayed;
    // Signs of life are the gateway's own affair.
    if (relayed === undefined || type === "ping") return;
    const isStart = type === "message_start" && isJsonObject(fields["message"]);
    relayed.add({ type, fields, data, ...(isStart ? { answer: "message" } : {}) });
    const isEnding = this.#finish !== undefined || this.#stopped;
    if (this.#output.hasContent && !isEnding) this.#output.relay(relayed.take());
  }

  #complete(): void {
    const finish = this.#finish;
    if (finish === undefined) {
      this.#output.break("STREAM_BROKEN", "the stream ended without a stop reason");
      return;
    }
    this.#blocks.release();
    const { usage, raw, warnings } = readUsage(this.#usage);
    const end: AnswerEnd = {
      candidates: [finish],
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings,
    };
    const servedTier = servedTierOf(raw);
    if (servedTier !== undefined) end.servedTier = servedTier;
    if (this.#relayed !== undefined) end.relayed = new KnownEnd(this.#relayed.take());
    this.#output.complete(end);
  }

  #take(type: string, fields: Record<string, unknown>): void {
    switch (type) {
      case "message_start":
        this.#start(fields["message"]);
        return;
      case "content_block_start":
        this.#content.start(fields["index"], objectOf(fields["content_block"]));
        return;
      case "content_block_delta":
        this.#content.delta(fields["index"], objectOf(fields["delta"]));
        return;
      case "content_block_stop":
        this.#content.stop(fields["index"]);
        return;
      case "message_delta":
        this.#usage = mergeUsage(this.#usage, fields["usage"]);
        this.#finish = finishOf(fields["delta"]) ?? this.#finish;
        return;
      case "message_stop":
        if (this.#finish !== undefined) this.#content.end();
        this.#stopped = true;
        return;
      case "error":
        throw failureToError(readInBandError(fields));
      default:
        // `ping`, and events that are yet unknown.
        return;
    }
  }

  #start(message: unknown): void {
    const fields = objectOf(message);
    if (this.responseId === "") this.responseId = shortText(fields["id"]);
    if (this.model === "") this.model = shortText(fields["model"]);
    this.#usage = mergeUsage(this.#usage, fields["usage"]);
  }
}

/**
 * Makes the reader of one stream. The proof of a complete answer is `message_stop` behind a stop
 * reason.
 */
export const createStreamReader = readerOf(MessagesStream);

function objectOf(value: unknown): Record<string, unknown> {
  if (isJsonObject(value)) return value;
  throw localFailure("MALFORMED", "an event of the stream lacks its object");
}

function finishOf(delta: unknown): CandidateFinish | undefined {
  const finish = isJsonObject(delta) ? readFinish(delta) : undefined;
  return finish === undefined || finish.rawReason === "" ? undefined : finish;
}
