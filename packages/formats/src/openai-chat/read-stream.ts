import { BlockKind, type TokenUsage } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { StreamEvent, StreamLimits, StreamReader, StreamSink } from "../format.ts";
import { readLogprobs } from "../logprobs.ts";
import { parseStreamEvent } from "../parse-stream-event.ts";
import { isJsonObject } from "../read-json.ts";
import { SseParser } from "../sse-parser.ts";
import { CandidateBlocks, type BlockOutput } from "./candidate-blocks.ts";
import { filterWarning } from "./filter-warnings.ts";
import { isFailedFinish } from "./finish-reason.ts";
import { readCitations } from "./read-citation.ts";
import { readInBandError } from "./read-error.ts";
import { candidateOf, newFinish, shortText } from "./read-response.ts";
import { readUsage } from "./usage.ts";

const defaultMaxLineBytes = 1_048_576;
const defaultMaxArgumentsLength = 16_777_216;
const defaultMaxBlocks = 4_096;

/**
 * Makes the reader of one stream. The proof of a complete answer is a finish reason for every
 * candidate that spoke, and then `[DONE]` or the end of the stream.
 */
export function createStreamReader(sink: StreamSink, limits: StreamLimits = {}): StreamReader {
  return new ChatStreamReader(sink, limits);
}

/** How the stream ended, kept until the events of the same read are flushed. */
type Ending = { error: GatewayError } | "complete";

class ChatStreamReader implements StreamReader, BlockOutput {
  responseId = "";
  model = "";
  readonly #sink: StreamSink;
  readonly #parser: SseParser;
  readonly #maxArgumentsLength: number;
  readonly #maxBlocks: number;
  readonly #candidates: CandidateBlocks[] = [];
  #blocks = 0;
  #argumentsLength = 0;
  #usage: unknown;
  #serviceTier = "";
  #filterWarning: string | undefined;
  #unflushed = false;
  #ending: Ending | undefined;
  #settled = false;

  constructor(sink: StreamSink, limits: StreamLimits) {
    this.#sink = sink;
    this.#maxArgumentsLength = limits.maxArgumentsLength ?? defaultMaxArgumentsLength;
    this.#maxBlocks = limits.maxBlocks ?? defaultMaxBlocks;
    this.#parser = new SseParser(
      { event: (name, data) => this.#event(name, data) },
      limits.maxLineBytes ?? defaultMaxLineBytes,
    );
  }

  get usageSoFar(): TokenUsage | undefined {
    return readUsage(this.#usage).usage;
  }

  push(bytes: Uint8Array): void {
    if (this.#ending !== undefined) return;
    if (!this.#parser.push(bytes)) this.#break("MALFORMED", "a line of the stream is too long");
    this.#settle();
  }

  end(): void {
    if (this.#ending !== undefined) return;
    this.#parser.end(true);
    if (this.#ending === undefined) this.#complete();
    this.#settle();
  }

  abort(error: GatewayError): void {
    if (this.#ending !== undefined) return;
    this.#ending = { error };
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
    if (this.#ending === "complete") this.#finish();
    else this.#sink.fail(this.#ending.error);
  }

  #finish(): void {
    const { usage, raw, warnings } = readUsage(this.#usage);
    if (this.#filterWarning !== undefined) warnings.push(this.#filterWarning);
    this.#sink.finish({
      candidates: this.#candidates.flatMap((one) => (one?.finish ? [one.finish] : [])),
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings,
      ...(this.#serviceTier === "" ? {} : { serviceTier: this.#serviceTier }),
    });
  }

  #break(failureClass: "MALFORMED" | "STREAM_BROKEN", detail: string): void {
    this.#ending ??= { error: localFailure(failureClass, detail) };
  }

  #event(name: string, data: string): void {
    if (this.#ending !== undefined || data === "") return;
    if (data === "[DONE]") {
      this.#complete();
      return;
    }
    try {
      this.#chunk(name, parseStreamEvent(data));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#ending = { error };
    }
  }

  #complete(): void {
    const spoke = this.#candidates.filter((one) => one !== undefined);
    if (spoke.length === 0) this.#break("STREAM_BROKEN", "the stream had no candidate");
    else if (spoke.some((one) => one.finish === undefined)) {
      this.#break("STREAM_BROKEN", "the stream ended without a finish reason");
    }
    this.#ending ??= "complete";
  }

  #chunk(name: string, chunk: Record<string, unknown>): void {
    if (chunk["error"] != null || name === "error") throw failureToError(readInBandError(chunk));
    if (this.responseId === "") this.responseId = shortText(chunk["id"]);
    if (this.model === "") this.model = shortText(chunk["model"]);
    if (chunk["service_tier"] != null) this.#serviceTier = shortText(chunk["service_tier"]);
    const { usage, x_groq: groq, choices } = chunk;
    if (usage != null) this.#usage = usage;
    else if (isJsonObject(groq) && groq["usage"] != null) this.#usage = groq["usage"];
    this.#filterWarning ??= filterWarning(chunk);
    if (!Array.isArray(choices)) return;
    for (let position = 0; position < choices.length; position++) {
      const choice: unknown = choices[position];
      if (isJsonObject(choice)) this.#choice(choice, position);
    }
  }

  #choice(choice: Record<string, unknown>, position: number): void {
    const number = candidateOf(choice["index"], position);
    const candidate = (this.#candidates[number] ??= new CandidateBlocks(number, this));
    this.#filterWarning ??= filterWarning(choice);
    const delta = choice["delta"];
    if (isJsonObject(delta)) this.#delta(candidate, delta, choice["logprobs"]);
    const reason = choice["finish_reason"];
    if (typeof reason !== "string" || reason === "") return;
    candidate.end();
    if (isFailedFinish(reason)) throw localFailure("UPSTREAM_ERROR", `finish_reason ${reason}`);
    candidate.finish ??= newFinish(number, shortText(reason));
  }

  #delta(candidate: CandidateBlocks, delta: Record<string, unknown>, given: unknown): void {
    const logprobs = isJsonObject(given) ? given : {};
    const { content, refusal, tool_calls: calls, annotations } = delta;
    const reasoning = delta["reasoning_content"] ?? delta["reasoning"];
    if (typeof reasoning === "string" && reasoning !== "") {
      candidate.text(BlockKind.REASONING, reasoning);
    }
    if (typeof content === "string") {
      if (content !== "") {
        candidate.text(BlockKind.TEXT, content, readLogprobs(logprobs["content"]));
      }
    } else if (Array.isArray(content)) readContentList(candidate, content);
    if (typeof refusal === "string" && refusal !== "") {
      candidate.text(BlockKind.REFUSAL, refusal, readLogprobs(logprobs["refusal"]));
    }
    if (Array.isArray(calls)) readToolCalls(candidate, calls);
    if (annotations == null) return;
    for (const citation of readCitations(annotations)) candidate.citation(citation);
  }
}

function readContentList(candidate: CandidateBlocks, content: unknown[]): void {
  for (const part of content) {
    const text = isJsonObject(part) ? part["text"] : undefined;
    if (typeof text === "string" && text !== "") candidate.text(BlockKind.TEXT, text);
  }
}

function readToolCalls(candidate: CandidateBlocks, calls: unknown[]): void {
  for (const [position, call] of calls.entries()) {
    if (!isJsonObject(call)) continue;
    const called = isJsonObject(call["function"]) ? call["function"] : {};
    const { name, arguments: given } = called;
    candidate.toolCall({
      index: Number.isInteger(call["index"]) ? (call["index"] as number) : position,
      id: shortText(call["id"]),
      name: shortText(name),
      arguments: typeof given === "string" ? given : given == null ? "" : JSON.stringify(given),
    });
  }
}
