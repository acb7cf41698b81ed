import { GatewayError } from "@penstock/errors";
import type { TokenUsage } from "@penstock/api";
import type { Format, StreamReader, StreamRelay } from "../format.ts";
import { AnswerOutput } from "./answer-output.ts";
import { SseParser, type SseHandler } from "./sse-parser.ts";

const defaultMaxLineLength = 1_048_576;

/** What one format makes of the events of a stream. Its output hears of events, and of the end. */
export interface StreamDialect {
  readonly responseId: string;
  readonly model: string;
  readonly proven?: boolean;
  readonly usageSoFar?: TokenUsage | undefined;
  readonly tierSoFar?: string | undefined;
  /** See `SseHandler.read`. */
  read?(text: string): void;
  /** Takes one event with data. Throws a GatewayError where the answer breaks with it. */
  event(name: string, data: string): void;
  /** See `SseHandler.take`. Throws like `event`. */
  take?(text: string, at: number): number;
  /** The upstream closed the stream in the regular way, and its end is not known yet. */
  close(): void;
}

/**
 * How a format makes the reader of one stream: from its dialect, which is made anew for each, and
 * the largest line where it is not the usual one.
 */
export function readerOf(
  Dialect: new (output: AnswerOutput, relay: StreamRelay | undefined) => StreamDialect,
  usualMaxLineBytes?: number,
): Format["createStreamReader"] {
  return (sink, limits = {}, relay) => {
    const output = new AnswerOutput(sink, limits);
    const dialect = new Dialect(output, relay);
    return new SseStreamReader(output, dialect, limits.maxLineBytes ?? usualMaxLineBytes);
  };
}

/** Reads a stream of server-sent events in the words of a dialect. */
class SseStreamReader implements StreamReader, SseHandler {
  readonly #output: AnswerOutput;
  readonly #dialect: StreamDialect;
  readonly #parser: SseParser;

  constructor(output: AnswerOutput, dialect: StreamDialect, maxLineLength = defaultMaxLineLength) {
    this.#output = output;
    this.#dialect = dialect;
    this.#parser = new SseParser(this, maxLineLength);
  }

  get responseId(): string {
    return this.#dialect.responseId;
  }

  get model(): string {
    return this.#dialect.model;
  }

  get proven(): boolean {
    return this.#dialect.proven ?? false;
  }

  get usageSoFar(): TokenUsage | undefined {
    return this.#dialect.usageSoFar;
  }

  get tierSoFar(): string | undefined {
    return this.#dialect.tierSoFar;
  }

  push(bytes: Uint8Array): void {
    const output = this.#output;
    if (output.over) return;
    if (!this.#parser.push(bytes)) output.break("MALFORMED", "a line of the stream is too long");
    output.settle();
  }

  end(): void {
    if (this.#output.over) return;
    this.#parser.end(true);
    if (!this.#output.over) this.#close();
    this.#output.settle();
  }

  abort(error: GatewayError): void {
    this.#output.fail(error);
    this.#output.settle();
  }

  /** Called by the parser. */
  read(text: string): void {
    this.#dialect.read?.(text);
  }

  /** Called by the parser. */
  event(name: string, data: string): void {
    if (this.#output.over || data === "") return;
    try {
      this.#dialect.event(name, data);
    } catch (error) {
      this.#broke(error);
    }
  }

  /** Called by the parser. */
  take(text: string, at: number): number {
    if (this.#output.over || this.#dialect.take === undefined) return at;
    try {
      return this.#dialect.take(text, at);
    } catch (error) {
      this.#broke(error);
      return at;
    }
  }

  /** What breaks behind the proof of a complete answer costs it no more than what was to follow. */
  #broke(error: unknown): void {
    if (this.proven && error instanceof GatewayError) this.#close();
    this.#output.caught(error);
  }

  #close(): void {
    try {
      this.#dialect.close();
    } catch (error) {
      this.#output.caught(error);
    }
  }
}
