import type { CandidateFinish, TokenUsage } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type {
  StreamEvent,
  StreamLimits,
  StreamReader,
  StreamRelay,
  StreamSink,
} from "../format.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";
import { isJsonObject } from "../read-json.ts";
import { KnownEnd } from "../streams/relayed-end.ts";
import { SseParser } from "../streams/sse-parser.ts";
import { readInBandError } from "./read-error.ts";
import { shortText } from "./read-response.ts";
import { RelayedText } from "./relayed-text.ts";
import { readFinish } from "./stop-reason.ts";
import { StreamBlocks, type BlockOutput } from "./stream-blocks.ts";
import { mergeUsage, readUsage } from "./usage.ts";

const defaultMaxLineBytes = 1_048_576;
const defaultMaxArgumentsLength = 16_777_216;
const defaultMaxBlocks = 4_096;

/**
 * Makes the reader of one stream. The proof of a complete answer is `message_stop` behind a stop
 * reason. Blocks that only begin are held back until there is content: until then an error, which
 * overloaded servers send at that point, may still lead to another target.
 */
export function createStreamReader(
  sink: StreamSink,
  limits: StreamLimits = {},
  relay?: StreamRelay,
): StreamReader {
  return new MessagesStreamReader(sink, limits, relay);
}

/** How the stream ended, kept until the events of the same read are flushed. */
type Ending = { error: GatewayError } | { finish: CandidateFinish };

class MessagesStreamReader implements StreamReader, BlockOutput {
  responseId = "";
  model = "";
  readonly #sink: StreamSink;
  readonly #parser: SseParser;
  readonly #maxArgumentsLength: number;
  readonly #maxBlocks: number;
  readonly #relayed: RelayedText | undefined;
  readonly #content = new StreamBlocks(this);
  #held: StreamEvent[] = [];
  #sawContent = false;
  #blocks = 0;
  #argumentsLength = 0;
  #usage: Record<string, unknown> | undefined;
  #finish: CandidateFinish | undefined;
  #unflushed = false;
  #ending: Ending | undefined;
  #settled = false;

  constructor(sink: StreamSink, limits: StreamLimits, relay: StreamRelay | undefined) {
    this.#sink = sink;
    this.#relayed = relay === undefined ? undefined : new RelayedText(relay);
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
    this.#break("STREAM_BROKEN", "the stream ended without message_stop");
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

  emit(event: StreamEvent, content: boolean): void {
    if (!this.#sawContent && !content) {
      this.#held.push(event);
      return;
    }
    this.#sawContent = true;
    this.#release();
    this.#unflushed = true;
    this.#sink.event(event);
  }

  #release(): void {
    if (this.#held.length === 0) return;
    for (const event of this.#held) this.#sink.event(event);
    this.#held = [];
    this.#unflushed = true;
  }

  /** Everything of this read is flushed first; only then may the answer end. */
  #settle(): void {
    if (this.#settled) return;
    if (this.#ending !== undefined && "finish" in this.#ending) this.#release();
    if (this.#unflushed) {
      this.#unflushed = false;
      this.#sink.flush();
    }
    if (this.#ending === undefined) return;
    this.#settled = true;
    if ("finish" in this.#ending) this.#complete(this.#ending.finish);
    else this.#sink.fail(this.#ending.error);
  }

  #complete(finish: CandidateFinish): void {
    const { usage, raw, warnings } = readUsage(this.#usage);
    this.#sink.finish({
      candidates: [finish],
      usage,
      rawUsage: raw,
      responseId: this.responseId,
      model: this.model,
      warnings,
      ...(this.#relayed === undefined ? {} : { relayed: new KnownEnd(this.#relayed.take()) }),
    });
  }

  #break(failureClass: "MALFORMED" | "STREAM_BROKEN", detail: string): void {
    this.#ending ??= { error: localFailure(failureClass, detail) };
  }

  #event(name: string, data: string): void {
    // Compatible servers keep the end mark of another format; it proves nothing here.
    if (this.#ending !== undefined || data === "" || data === "[DONE]") return;
    try {
      const fields = parseStreamEvent(data);
      const type = typeof fields["type"] === "string" ? fields["type"] : name;
      this.#take(type, fields);
      this.#relayed?.add(type, fields, data);
      this.#pass();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#ending = { error };
    }
  }

  /** The text of what has content goes on at once, that of the end with the end. */
  #pass(): void {
    if (this.#relayed === undefined || !this.#sawContent || this.#ending !== undefined) return;
    const text = this.#relayed.take();
    if (text === "") return;
    this.#sink.relay?.(text);
    this.#unflushed = true;
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
        this.#stop();
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

  #stop(): void {
    if (this.#finish === undefined) {
      this.#break("STREAM_BROKEN", "the stream ended without a stop reason");
      return;
    }
    this.#content.end();
    this.#ending = { finish: this.#finish };
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (isJsonObject(value)) return value;
  throw localFailure("MALFORMED", "an event of the stream lacks its object");
}

function finishOf(delta: unknown): CandidateFinish | undefined {
  const finish = isJsonObject(delta) ? readFinish(delta) : undefined;
  return finish === undefined || finish.rawReason === "" ? undefined : finish;
}
