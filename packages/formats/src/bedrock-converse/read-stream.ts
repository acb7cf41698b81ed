import type { CandidateFinish } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { StreamLimits, StreamReader, StreamSink } from "../format.ts";
import { AnswerOutput } from "../streams/answer-output.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { isJsonObject } from "../read-json.ts";
import { KnownShapes } from "../streams/known-shapes.ts";
import { FrameParser, type EventFrame } from "./event-frames.ts";
import { shapeOf, type PlainDelta } from "./plain-delta.ts";
import { readException } from "./read-error.ts";
import { newFinish, readServiceTier } from "./read-response.ts";
import { StreamBlock } from "./stream-blocks.ts";
import { readUsage } from "./usage.ts";

const defaultMaxFrameBytes = 1_048_576;
const defaultMaxBlocks = 4_096;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Makes the reader of one stream. The proof of a complete answer is `messageStop`; usage comes
 * behind it, in `metadata`, so that the stream is read on until then or until its end.
 * `limits.maxLineBytes` bounds a frame.
 */
export function createStreamReader(sink: StreamSink, limits: StreamLimits = {}): StreamReader {
  return new ConverseStreamReader(sink, limits);
}

class ConverseStreamReader implements StreamReader {
  // The answer tells neither: Bedrock has a header for the one, the path the other.
  readonly responseId = "";
  readonly model = "";
  readonly #output: AnswerOutput;
  readonly #parser: FrameParser;
  readonly #maxBlocks: number;
  readonly #blocks = new Map<number, StreamBlock>();
  readonly #shapes = new KnownShapes<PlainDelta>();
  #finish: CandidateFinish | undefined;
  #metadata: Record<string, unknown> = {};

  constructor(sink: StreamSink, limits: StreamLimits) {
    this.#output = new AnswerOutput(sink, limits);
    this.#maxBlocks = limits.maxBlocks ?? defaultMaxBlocks;
    this.#parser = new FrameParser(
      (frame) => this.#frame(frame),
      limits.maxLineBytes ?? defaultMaxFrameBytes,
    );
  }

  get proven(): boolean {
    return this.#finish !== undefined;
  }

  push(bytes: Uint8Array): void {
    if (this.#output.over) return;
    try {
      this.#parser.push(bytes);
    } catch (error) {
      // What breaks behind the proof of a complete answer costs it no more than its usage.
      if (error instanceof GatewayError) this.#complete();
      this.#output.caught(error);
    }
    this.#output.settle();
  }

  end(): void {
    this.#complete();
    const where = this.#parser.midFrame ? "within a frame" : "without messageStop";
    this.#output.break("STREAM_BROKEN", `the stream ended ${where}`);
    this.#output.settle();
  }

  abort(error: GatewayError): void {
    this.#output.fail(error);
    this.#output.settle();
  }

  /** Completes the answer if it is proven to be complete. */
  #complete(): void {
    if (this.#finish === undefined) return;
    const { usage, raw, warnings } = readUsage(this.#metadata["usage"]);
    this.#output.complete({
      candidates: [this.#finish],
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings,
      ...readServiceTier(this.#metadata),
    });
  }

  #frame({ headers, payload }: EventFrame): void {
    if (this.#output.over) return;
    const type = headers.get(":message-type");
    if (type === "event") this.#event(headers.get(":event-type") ?? "", payload);
    else if (type === "exception") {
      const name = headers.get(":exception-type") ?? "";
      throw failureToError(readException(name, messageOf(payload)));
    } else if (type === "error") {
      const code = headers.get(":error-code") ?? "";
      throw failureToError(readException(code, headers.get(":error-message") ?? ""));
    }
    // Kinds of messages that are not known yet mean nothing.
  }

  #event(name: string, payload: Uint8Array): void {
    // Behind the end of the message only its usage is of interest.
    if (this.#finish !== undefined && name !== "metadata") return;
    switch (name) {
      case "contentBlockStart": {
        const { contentBlockIndex: index, start } = parse(payload);
        if (isJsonObject(start)) this.#blockOf(index).start(start);
        return;
      }
      case "contentBlockDelta":
        this.#delta(textOf(payload));
        return;
      case "contentBlockStop":
        this.#blockOf(parse(payload)["contentBlockIndex"]).end();
        return;
      case "messageStop":
        for (const block of this.#blocks.values()) block.end();
        this.#finish = newFinish(parse(payload));
        return;
      case "metadata":
        this.#metadata = parse(payload);
        this.#complete();
        return;
      default:
      // messageStart says nothing that is not known; other events are not known yet.
    }
  }

  #delta(payload: string): void {
    const known = this.#shapes.match(payload, 0);
    if (known?.end === payload.length) {
      const { index, kind } = known.meaning;
      if (this.#blockOf(index).grow(kind, known.valueIn(payload))) return;
    }
    const fields = parseStreamEvent(payload);
    const { contentBlockIndex: index, delta } = fields;
    if (isJsonObject(delta)) this.#blockOf(index).delta(delta);
    const shape = this.#shapes.learns ? shapeOf(payload, fields) : undefined;
    if (shape !== undefined) this.#shapes.add(shape);
  }

  #blockOf(index: unknown): StreamBlock {
    const number = Number.isSafeInteger(index) ? (index as number) : 0;
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    if (this.#blocks.size >= this.#maxBlocks) throw localFailure("MALFORMED", "too many blocks");
    const block = new StreamBlock(this.#output);
    this.#blocks.set(number, block);
    return block;
  }
}

function textOf(payload: Uint8Array): string {
  try {
    return decoder.decode(payload);
  } catch {
    throw localFailure("MALFORMED", "the payload of a frame is not UTF-8");
  }
}

function parse(payload: Uint8Array): Record<string, unknown> {
  return parseStreamEvent(textOf(payload));
}

function messageOf(payload: Uint8Array): string {
  try {
    const { message } = parse(payload);
    return typeof message === "string" ? message : "";
  } catch {
    return "";
  }
}
