import type { TokenUsage } from "@penstock/api";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { AnswerEnd } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import { KnownShapes } from "../streams/known-shapes.ts";
import { parseStreamValue } from "../streams/parse-stream-event.ts";
import { readerOf, type StreamDialect } from "../streams/sse-stream-reader.ts";
import { ownWordsWarning, readAnswerPart } from "./answer-part.ts";
import { failedFinish } from "./finish-reason.ts";
import { lostLogprobs, readLogprobsResult } from "./logprobs-result.ts";
import { shapeOf, type PlainText } from "./plain-text.ts";
import { readInBandError } from "./read-error.ts";
import { blockedPrompt, candidateOf, partsOf, shortText } from "./read-response.ts";
import { StrayError } from "./stray-error.ts";
import { StreamCandidate } from "./stream-candidate.ts";
import { ToldUsage } from "./told-usage.ts";
import { readUsage, servedTierOf } from "./usage.ts";

class ContentStream implements StreamDialect {
  responseId = "";
  model = "";
  /** Function calls so far; part of `CallNumbering`. */
  calls = 0;
  readonly #output: AnswerOutput;
  readonly #stray = new StrayError();
  readonly #candidates: StreamCandidate[] = [];
  readonly #warnings = new Set<string>();
  readonly #shapes = new KnownShapes<PlainText>();
  readonly #usage = new ToldUsage();

  constructor(output: AnswerOutput) {
    this.#output = output;
  }

  get usageSoFar(): TokenUsage | undefined {
    return readUsage(this.#usage.value).usage;
  }

  get tierSoFar(): string | undefined {
    return servedTierOf(readUsage(this.#usage.value).raw);
  }

  get proven(): boolean {
    const began = this.#began;
    return began.length > 0 && began.every((one) => one.isFinal);
  }

  read(text: string): void {
    this.#stray.push(text);
  }

  /** A chunk that brings one piece, like one before it: it is not parsed. */
  take(text: string, at: number): number {
    const shape = this.#shapes.match(text, at);
    if (shape === undefined) return at;
    const { candidate: number, kind, tellsUsage } = shape.meaning;
    const candidate = this.#candidates[number];
    if (candidate === undefined) return at;
    candidate.piece(kind, shape.valueIn(text));
    candidate.finished(undefined);
    if (tellsUsage) this.#usage.note(text.slice(at + "data: ".length, shape.end), shape);
    return shape.end;
  }

  event(name: string, data: string): void {
    const value = parseStreamValue(data);
    for (const chunk of Array.isArray(value) ? value : [value]) this.#chunk(chunk);
    if (name !== "" || !isJsonObject(value) || !this.#shapes.learns) return;
    const shape = shapeOf(data, value);
    if (shape !== undefined) this.#shapes.add(shape);
  }

  close(): void {
    const began = this.#began;
    const complete = began.length > 0 && began.every((one) => one.rawReason !== "");
    if (complete) {
      this.#output.complete(this.#end(began));
      return;
    }
    const stray = this.#stray.read();
    if (isError(stray)) throw failureToError(readInBandError(stray));
    const lacks = began.length === 0 ? "had no candidate" : "ended without a finish reason";
    this.#output.break("STREAM_BROKEN", `the stream ${lacks}`);
  }

  get #began(): StreamCandidate[] {
    return this.#candidates.filter((one) => one !== undefined);
  }

  #end(candidates: readonly StreamCandidate[]): AnswerEnd {
    const finishes = candidates.map((one) => one.end(this.#warnings));
    const { usage, raw, warnings } = readUsage(this.#usage.value);
    const end: AnswerEnd = {
      candidates: finishes,
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings: [...warnings, ...this.#warnings],
    };
    const servedTier = servedTierOf(raw);
    if (servedTier !== undefined) end.servedTier = servedTier;
    return end;
  }

  #chunk(chunk: unknown): void {
    if (!isJsonObject(chunk)) {
      throw localFailure("MALFORMED", "an event of the stream is not an object");
    }
    if (chunk["error"] != null) throw failureToError(readInBandError(chunk));
    if (this.responseId === "") this.responseId = shortText(chunk["responseId"]);
    if (this.model === "") this.model = shortText(chunk["modelVersion"]);
    const { usageMetadata: usage, candidates } = chunk;
    if (usage != null) this.#usage.add(usage);
    const list: unknown[] = Array.isArray(candidates) ? candidates : [];
    if (list.length === 0 && this.#candidates.length === 0) {
      const blocked = blockedPrompt(chunk);
      if (blocked !== undefined) throw blocked;
    }
    for (const [position, one] of list.entries()) {
      if (isJsonObject(one)) this.#candidate(one, position);
    }
  }

  #candidate(fields: Record<string, unknown>, position: number): void {
    const number = candidateOf(fields["index"], position);
    const candidate = (this.#candidates[number] ??= new StreamCandidate(number, this.#output));
    const logprobs = readLogprobsResult(fields["logprobsResult"]);
    if (logprobs !== undefined) candidate.nextLogprobs = logprobs;
    for (const part of partsOf(fields)) {
      const read = readAnswerPart(part, this);
      if (read.kind === "own" && read.name !== "") {
        this.#warnings.add(ownWordsWarning(read.name));
      }
      candidate.part(read);
    }
    if (candidate.nextLogprobs !== undefined) this.#warnings.add(lostLogprobs);
    candidate.nextLogprobs = undefined;
    candidate.citationMetadata = fields["citationMetadata"] ?? candidate.citationMetadata;
    candidate.groundingMetadata = fields["groundingMetadata"] ?? candidate.groundingMetadata;
    const reason = shortText(fields["finishReason"]);
    const isFinished = reason !== "" && reason !== "FINISH_REASON_UNSPECIFIED";
    const failed = isFinished ? failedFinish(reason, fields["finishMessage"]) : undefined;
    if (failed !== undefined) throw failed;
    candidate.finished(isFinished ? reason : undefined);
  }
}

/**
 * Makes the reader of one stream. There is no end mark: the proof of a complete answer is a finish
 * reason for every candidate that began, when the stream ends in the regular way.
 */
export const createStreamReader = readerOf(ContentStream);

function isError(value: unknown): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return isJsonObject(first) && isJsonObject(first["error"]);
}
