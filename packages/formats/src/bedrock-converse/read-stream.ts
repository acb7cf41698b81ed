import type { CandidateFinish } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { StreamEvent, StreamLimits, StreamReader, StreamSink } from "../format.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { isJsonObject } from "../read-json.ts";
import { FrameParser, type EventFrame } from "./event-frames.ts";
import { readException } from "./read-error.ts";
import { newFinish, readServiceTier } from "./read-response.ts";
import { StreamBlock, type BlockOutput } from "./stream-blocks.ts";
import { readUsage } from "./usage.ts";

const defaultMaxFrameBytes = 1_048_576;
const defaultMaxLength = 16_777_216;
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

/** How the stream ended, kept until the events of the same read are flushed. */
type Ending = { error: GatewayError } | "complete";

class ConverseStreamReader implements StreamReader, BlockOutput {
  // The answer tells neither: Bedrock has a header for the one, the path the other.
  readonly responseId = "";
  readonly model = "";
  readonly #sink: StreamSink;
  readonly #parser: FrameParser;
  readonly #maxLength: number;
  readonly #maxBlocks: number;
  readonly #blocks = new Map<number, StreamBlock>();
  #blockCount = 0;
  #length = 0;
  #finish: CandidateFinish | undefined;
  #metadata: Record<string, unknown> = {};
  #unflushed = false;
  #ending: Ending | undefined;
  #settled = false;

  constructor(sink: StreamSink, limits: StreamLimits) {
    this.#sink = sink;
    this.#maxLength = limits.maxArgumentsLength ?? defaultMaxLength;
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
    if (this.#ending !== undefined) return;
    try {
      this.#parser.push(bytes);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#broke(error);
    }
    this.#settle();
  }

  end(): void {
    if (this.#ending !== undefined) return;
    if (this.#finish !== undefined) this.#ending = "complete";
    else {
      const where = this.#parser.midFrame ? "within a frame" : "without messageStop";
      this.#ending = { error: localFailure("STREAM_BROKEN", `the stream ended ${where}`) };
    }
    this.#settle();
  }

  abort(error: GatewayError): void {
    if (this.#ending !== undefined) return;
    this.#ending = { error };
    this.#settle();
  }

  nextBlock(): number {
    if (this.#blockCount >= this.#maxBlocks) throw localFailure("MALFORMED", "too many blocks");
    return this.#blockCount++;
  }

  countLength(length: number): void {
    this.#length += length;
    if (this.#length > this.#maxLength) {
      throw localFailure("MALFORMED", "the arguments of the tool calls are too long");
    }
  }

  emit(event: StreamEvent): void {
    this.#unflushed = true;
    this.#sink.event(event);
  }

  /** What breaks behind the proof of a complete answer costs it no more than its usage. */
  #broke(error: GatewayError): void {
    this.#ending ??= this.#finish === undefined ? { error } : "complete";
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
    if (this.#ending === "complete") this.#complete();
    else this.#sink.fail(this.#ending.error);
  }

  #complete(): void {
    const { usage, raw, warnings } = readUsage(this.#metadata["usage"]);
    this.#sink.finish({
      candidates: this.#finish === undefined ? [] : [this.#finish],
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings,
      ...readServiceTier(this.#metadata),
    });
  }

  #frame({ headers, payload }: EventFrame): void {
    if (this.#ending !== undefined) return;
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
      case "contentBlockDelta": {
        const { contentBlockIndex: index, delta } = parse(payload);
        if (isJsonObject(delta)) this.#blockOf(index).delta(delta);
        return;
      }
      case "contentBlockStop":
        this.#blockOf(parse(payload)["contentBlockIndex"]).end();
        return;
      case "messageStop":
        for (const block of this.#blocks.values()) block.end();
        this.#finish = newFinish(parse(payload));
        return;
      case "metadata":
        this.#metadata = parse(payload);
        if (this.#finish !== undefined) this.#ending = "complete";
        return;
      default:
      // messageStart says nothing that is not known; other events are not known yet.
    }
  }

  #blockOf(index: unknown): StreamBlock {
    const number = Number.isSafeInteger(index) ? (index as number) : 0;
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    if (this.#blocks.size >= this.#maxBlocks) throw localFailure("MALFORMED", "too many blocks");
    const block = new StreamBlock(this);
    this.#blocks.set(number, block);
    return block;
  }
}

function parse(payload: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = decoder.decode(payload);
  } catch {
    throw localFailure("MALFORMED", "the payload of a frame is not UTF-8");
  }
  return parseStreamEvent(text);
}

function messageOf(payload: Uint8Array): string {
  try {
    const { message } = parse(payload);
    return typeof message === "string" ? message : "";
  } catch {
    return "";
  }
}
