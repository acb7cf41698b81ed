import type { TokenUsage } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { StreamEvent, StreamLimits, StreamReader, StreamSink } from "../format.ts";
import { parseStreamValue } from "../streams/parse-stream-event.ts";
import { isJsonObject } from "../read-json.ts";
import { SseParser } from "../streams/sse-parser.ts";
import { ownWordsWarning, readAnswerPart } from "./answer-part.ts";
import { failedFinish } from "./finish-reason.ts";
import { lostLogprobs, readLogprobsResult } from "./logprobs-result.ts";
import { readInBandError } from "./read-error.ts";
import { blockedPrompt, candidateOf, partsOf, shortText } from "./read-response.ts";
import { StrayError } from "./stray-error.ts";
import { StreamCandidate, type BlockOutput } from "./stream-candidate.ts";
import { readUsage } from "./usage.ts";

const defaultMaxLineBytes = 1_048_576;
const defaultMaxArgumentsLength = 16_777_216;
const defaultMaxBlocks = 4_096;

/**
 * Makes the reader of one stream. There is no end mark: the proof of a complete answer is a finish
 * reason for every candidate that began, when the stream ends in the regular way.
 */
export function createStreamReader(sink: StreamSink, limits: StreamLimits = {}): StreamReader {
  return new GenerateContentReader(sink, limits);
}

/** How the stream ended, kept until the events of the same read are flushed. */
type Ending = { error: GatewayError } | "complete";

class GenerateContentReader implements StreamReader, BlockOutput {
  responseId = "";
  model = "";
  /** Function calls so far; part of `CallNumbering`. */
  calls = 0;
  readonly #sink: StreamSink;
  readonly #parser: SseParser;
  readonly #stray = new StrayError();
  readonly #maxArgumentsLength: number;
  readonly #maxBlocks: number;
  readonly #candidates: StreamCandidate[] = [];
  readonly #warnings = new Set<string>();
  #finishes: ReturnType<StreamCandidate["end"]>[] = [];
  #blocks = 0;
  #argumentsLength = 0;
  #usage: Record<string, unknown> | undefined;
  #unflushed = false;
  #ending: Ending | undefined;
  #settled = false;

  constructor(sink: StreamSink, limits: StreamLimits) {
    this.#sink = sink;
    this.#maxArgumentsLength = limits.maxArgumentsLength ?? defaultMaxArgumentsLength;
    this.#maxBlocks = limits.maxBlocks ?? defaultMaxBlocks;
    this.#parser = new SseParser(
      { event: (_name, data) => this.#event(data) },
      limits.maxLineBytes ?? defaultMaxLineBytes,
    );
  }

  get usageSoFar(): TokenUsage | undefined {
    return readUsage(this.#usage).usage;
  }

  push(bytes: Uint8Array): void {
    if (this.#ending !== undefined) return;
    this.#stray.push(bytes);
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
      throw localFailure("MALFORMED", "the arguments of the function calls are too long");
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
    this.#sink.finish({
      candidates: this.#finishes,
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings: [...warnings, ...this.#warnings],
    });
  }

  #break(failureClass: "MALFORMED" | "STREAM_BROKEN", detail: string): void {
    this.#ending ??= { error: localFailure(failureClass, detail) };
  }

  #event(data: string): void {
    if (this.#ending !== undefined || data === "") return;
    try {
      const value = parseStreamValue(data);
      for (const chunk of Array.isArray(value) ? value : [value]) this.#chunk(chunk);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#ending = { error };
    }
  }

  #complete(): void {
    const began = this.#candidates.filter((one) => one !== undefined);
    const complete = began.length > 0 && began.every((one) => one.rawReason !== "");
    if (!complete) {
      const stray = this.#stray.read();
      if (isError(stray)) this.#ending = { error: failureToError(readInBandError(stray)) };
      else if (began.length === 0) this.#break("STREAM_BROKEN", "the stream had no candidate");
      else this.#break("STREAM_BROKEN", "the stream ended without a finish reason");
      return;
    }
    try {
      this.#finishes = began.map((one) => one.end(this.#warnings));
      this.#ending = "complete";
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#ending = { error };
    }
  }

  #chunk(chunk: unknown): void {
    if (!isJsonObject(chunk)) {
      throw localFailure("MALFORMED", "an event of the stream is not an object");
    }
    if (chunk["error"] != null) throw failureToError(readInBandError(chunk));
    if (this.responseId === "") this.responseId = shortText(chunk["responseId"]);
    if (this.model === "") this.model = shortText(chunk["modelVersion"]);
    const { usageMetadata: usage, candidates } = chunk;
    // Counts are cumulative; a chunk may tell only some of them.
    if (isJsonObject(usage)) this.#usage = { ...this.#usage, ...usage };
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
    const candidate = (this.#candidates[number] ??= new StreamCandidate(number, this));
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
    if (reason === "" || reason === "FINISH_REASON_UNSPECIFIED") return;
    const failed = failedFinish(reason, fields["finishMessage"]);
    if (failed !== undefined) throw failed;
    candidate.rawReason = reason;
  }
}

function isError(value: unknown): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return isJsonObject(first) && isJsonObject(first["error"]);
}
