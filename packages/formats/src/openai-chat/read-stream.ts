import type { TokenUsage } from "@penstock/api";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { AnswerEnd, StreamRelay } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import type { EventShape } from "../streams/event-shape.ts";
import { KnownShapes } from "../streams/known-shapes.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { readerOf, type StreamDialect } from "../streams/sse-stream-reader.ts";
import { CandidateBlocks } from "./candidate-blocks.ts";
import { filterWarning } from "./filter-warnings.ts";
import { isFailedFinish } from "./finish-reason.ts";
import { mendChoices, type SeenChoice } from "./mend-choices.ts";
import { shapeOf, type PlainPiece } from "./plain-piece.ts";
import { readDelta } from "./read-delta.ts";
import { readInBandError } from "./read-error.ts";
import { candidateOf, newFinish, shortText } from "./read-response.ts";
import { RelayedChunks } from "./relayed-chunks.ts";
import { readUsage } from "./usage.ts";

class ChatStream implements StreamDialect {
  responseId = "";
  model = "";
  readonly #output: AnswerOutput;
  readonly #relayed: RelayedChunks | undefined;
  readonly #shapes = new KnownShapes<PlainPiece>();
  readonly #candidates: CandidateBlocks[] = [];
  #usage: unknown;
  #serviceTier = "";
  #filterWarning: string | undefined;

  constructor(output: AnswerOutput, relay: StreamRelay | undefined) {
    this.#output = output;
    this.#relayed = relay === undefined ? undefined : new RelayedChunks(relay);
  }

  get usageSoFar(): TokenUsage | undefined {
    return readUsage(this.#usage).usage;
  }

  get tierSoFar(): string {
    return this.#serviceTier;
  }

  /** A chunk that brings one piece, like one before it: it is not parsed. */
  take(text: string, at: number): number {
    const shape = this.#shapes.match(text, at);
    if (shape === undefined) return at;
    const { candidate: number, kind, call } = shape.meaning;
    const candidate = this.#candidates[number];
    if (candidate === undefined) return at;
    if (call !== undefined) {
      if (!candidate.continues(call.index, call.id)) return at;
      candidate.toolCall({ ...call, name: "", arguments: shape.valueIn(text) });
    } else {
      const value = shape.valueIn(text);
      if (value !== "") candidate.text(kind, value);
    }
    this.#relayPlain(shape, text, at);
    return shape.end;
  }

  event(name: string, data: string): void {
    if (data === "[DONE]") {
      this.close();
      return;
    }
    const chunk = parseStreamEvent(data);
    if (chunk["error"] != null || name === "error") throw failureToError(readInBandError(chunk));
    this.#about(chunk);
    const before = this.#output.eventCount;
    const seen = this.#choices(chunk["choices"]);
    const hasContent = this.#output.eventCount > before;
    const isPlain = this.#relay(data, chunk, seen, hasContent);
    if (!isPlain || name !== "" || !this.#shapes.learns) return;
    const shape = shapeOf(data, chunk);
    if (shape !== undefined) this.#shapes.add(shape);
  }

  close(): void {
    const spoke = this.#candidates.filter((one) => one !== undefined);
    if (spoke.length === 0) this.#output.break("STREAM_BROKEN", "the stream had no candidate");
    else if (spoke.some((one) => one.finish === undefined)) {
      this.#output.break("STREAM_BROKEN", "the stream ended without a finish reason");
    } else this.#output.complete(this.#end());
  }

  #end(): AnswerEnd {
    const { usage, raw, warnings } = readUsage(this.#usage);
    if (this.#filterWarning !== undefined) warnings.push(this.#filterWarning);
    const end: AnswerEnd = {
      candidates: this.#candidates.flatMap((one) => (one?.finish ? [one.finish] : [])),
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings,
    };
    if (this.#serviceTier !== "") end.serviceTier = this.#serviceTier;
    if (this.#relayed !== undefined) end.relayed = this.#relayed.end(this.responseId);
    return end;
  }

  /** What a chunk says of the whole answer. */
  #about(chunk: Record<string, unknown>): void {
    if (this.responseId === "") this.responseId = shortText(chunk["id"]);
    if (this.model === "") this.model = shortText(chunk["model"]);
    if (chunk["service_tier"] != null) this.#serviceTier = shortText(chunk["service_tier"]);
    const { usage, x_groq: groq } = chunk;
    if (usage != null) this.#usage = usage;
    else if (isJsonObject(groq) && groq["usage"] != null) this.#usage = groq["usage"];
    this.#filterWarning ??= filterWarning(chunk);
  }

  #choices(choices: unknown): SeenChoice[] {
    const seen: SeenChoice[] = [];
    if (!Array.isArray(choices)) return seen;
    for (let position = 0; position < choices.length; position++) {
      const choice: unknown = choices[position];
      if (isJsonObject(choice)) seen.push(this.#choice(choice, position));
    }
    return seen;
  }

  #choice(fields: Record<string, unknown>, position: number): SeenChoice {
    const number = candidateOf(fields["index"], position);
    const isFirst = this.#candidates[number] === undefined;
    const candidate = (this.#candidates[number] ??= new CandidateBlocks(number, this.#output));
    this.#filterWarning ??= filterWarning(fields);
    const delta = fields["delta"];
    const calls = isJsonObject(delta) ? readDelta(candidate, delta, fields["logprobs"]) : [];
    const reason = fields["finish_reason"];
    const isFinished = typeof reason === "string" && reason !== "";
    if (isFinished) {
      candidate.end();
      if (isFailedFinish(reason)) throw localFailure("UPSTREAM_ERROR", `finish_reason ${reason}`);
      candidate.finish ??= newFinish(number, shortText(reason));
    }
    return { fields, candidate: number, isFirst, isFinished, calls };
  }

  /** False: the chunk does not go on at once, as it came. */
  #relay(
    data: string,
    fields: Record<string, unknown>,
    seen: readonly SeenChoice[],
    hasContent: boolean,
  ): boolean {
    const relayed = this.#relayed;
    if (relayed === undefined) return true;
    const choices = mendChoices(fields["choices"], seen);
    const isLast =
      seen.some((choice) => choice.isFinished) &&
      this.#candidates.every((one) => one?.finish !== undefined);
    const chunk = { data, fields, choices, hasContent, isLast };
    this.#output.relay(relayed.add(chunk, this.responseId));
    return relayed.keeps(chunk);
  }

  /** The chunk of a shape goes on under the caller's name of the model. */
  #relayPlain(shape: EventShape<PlainPiece>, text: string, at: number): void {
    const relayed = this.#relayed;
    if (relayed === undefined) return;
    const { mark, markStart, end } = shape;
    const before = relayed.release(this.responseId);
    if (mark === relayed.modelJson) this.#output.relay(before + text.slice(at, end));
    else {
      const rest = text.slice(markStart + mark.length, end);
      this.#output.relay(before + text.slice(at, markStart) + relayed.modelJson + rest);
    }
  }
}

/**
 * Makes the reader of one stream. The proof of a complete answer is a finish reason for every
 * candidate that spoke, and then `[DONE]` or the end of the stream.
 */
export const createStreamReader = readerOf(ChatStream);
