import { VectorEncoding } from "@penstock/api";
import type { CountTokensResponse } from "@penstock/api";
import { helpPath, reasons, retryOf } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";
import { openaiEmbeddings } from "@penstock/formats";
import type {
  Answer,
  AnswerEnd,
  CallerRequest,
  CountingFormat,
  Format,
  StreamEvent,
  StreamWriter,
  VectorAnswer,
} from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { Clock } from "@penstock/runtime";
import { writeStallMs } from "../pipeline/attempt-timers.ts";
import type { AnswerFacts, Downstream, RelayedText, SettledFacts } from "../pipeline/downstream.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import {
  answerHeaders,
  attemptLog,
  costValue,
  requestHeaders,
  requestIdHeader,
  revisionText,
  warningsValue,
} from "./answer-headers.ts";
import { answerReport } from "./answer-report.ts";
import type { CallerResponse } from "./caller-response.ts";
import { countHeaders, writeCount } from "./count-headers.ts";
import { Keepalive } from "./keepalive.ts";
import { StreamWrites } from "./stream-writes.ts";

/** Gap after which a stream that has begun gets a comment, where nobody asked for another. */
const usualKeepaliveMs = 15_000;
/** What is known only at the end of a stream. */
const trailers = "x-penstock-cost-usd, x-penstock-warnings";
/** What the head says as a rule, and the end where the head left before anybody had answered. */
const lateTrailers = [
  "x-penstock-provider",
  "x-penstock-deployment",
  "x-penstock-model",
  "x-penstock-attempts",
  trailers,
].join(", ");

/** A caller of a compatible API: JSON answers, and streams as server-sent events. */
export class HttpDownstream implements Downstream {
  readonly #response: CallerResponse;
  readonly #format: Format;
  readonly #clock: Clock;
  #writes: StreamWrites | undefined;
  /** Set by the listener right after construction, as both need each other. */
  context!: RequestContext;
  /** Set where a count is asked for. */
  counting: CountingFormat | undefined;
  /** What the answer repeats of the request, where its format does. */
  said: CallerRequest["said"];
  /** What the request says about signs of life; see `keepAlive`. */
  keepaliveAskedMs: number | undefined;
  ready = true;
  #writer: StreamWriter | undefined;
  #facts: AnswerFacts | undefined;
  #pending = "";
  #keepaliveMs = usualKeepaliveMs;
  /** Of streams. */
  #keepalive: Keepalive | undefined;
  /** The head left before anybody had answered. */
  #openedEarly = false;

  constructor(response: CallerResponse, format: Format, clock: Clock) {
    this.#response = response;
    this.#format = format;
    this.#clock = clock;
  }

  get gone(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  /**
   * Sends comments whenever the stream was quiet for so long, from now on; 0: never. The first may
   * be due before anybody has answered: then the head of the stream leaves with it, and a failure
   * ends the stream with an error instead of being the status.
   */
  keepAlive(intervalMs: number): void {
    this.#keepaliveMs = intervalMs;
    if (intervalMs <= 0) return;
    this.#keepalive ??= new Keepalive(this.#clock, () => this.#sendKeepalive());
    this.#keepalive.start(intervalMs);
  }

  onDrain(listener: () => void): void {
    this.#writes?.onDrain(() => {
      this.ready = true;
      listener();
    });
  }

  answer(answer: Answer, facts: AnswerFacts, settled: SettledFacts): void {
    this.#addReport(answer.end, facts, settled);
    const text = this.#format.writeResponse(answer, this.#identity(facts), settled.usage);
    this.#writeWholeHead(facts, settled, Buffer.byteLength(text));
    // One string with the head leaves in one write.
    this.#end(text);
  }

  vectors(answer: VectorAnswer, facts: AnswerFacts, settled: SettledFacts): void {
    const encoding = this.context.vectors?.encoding ?? VectorEncoding.UNSPECIFIED;
    const identity = this.#identity(facts);
    this.#addReport(answer.end, facts, settled);
    const text = openaiEmbeddings.writeResponse(answer, identity, encoding, settled.usage);
    this.#writeWholeHead(facts, settled, Buffer.byteLength(text));
    this.#end(text);
  }

  counted(count: CountTokensResponse): void {
    const text = writeCount(count, this.counting);
    const headers = [...requestHeaders(this.context), ...countHeaders(count)];
    headers.push(...requestIdHeader(this.#format, this.context.requestId));
    const log = attemptLog(this.context);
    if (log !== "") headers.push("x-penstock-attempt-log", log);
    headers.push("x-penstock-attempts", String(this.context.attempts.length));
    headers.push("x-penstock-revision", revisionText(this.context.snapshot?.revision ?? 0n));
    headers.push("content-type", this.#format.contentType);
    headers.push("content-length", String(Buffer.byteLength(text)));
    this.#response.writeHead(200, headers);
    this.#end(text);
  }

  relay({ text, model }: RelayedText, facts: AnswerFacts, settled: SettledFacts): void {
    const name = jsonBytesOf(facts.model);
    const body = text.slice(0, model.start) + name + text.slice(model.end);
    this.#writeWholeHead(facts, settled, body.length);
    this.#end(body, "latin1");
  }

  #writeWholeHead(facts: AnswerFacts, settled: SettledFacts, bodyBytes: number): void {
    const headers = this.#headers(facts);
    headers.push("content-type", this.#format.contentType, "content-length", String(bodyBytes));
    const cost = costValue(settled.costNanoUsd);
    if (cost !== undefined) headers.push("x-penstock-cost-usd", cost);
    this.#response.writeHead(200, headers);
  }

  start(facts: AnswerFacts): void {
    if (!this.#openedEarly) this.#writeStreamHead(this.#headers(facts));
    this.#facts = facts;
    this.#writes = new StreamWrites(this.#response);
    if (this.#keepalive === undefined) this.keepAlive(this.#keepaliveMs);
  }

  event(event: StreamEvent): void {
    this.#pending += this.#writing()?.event(event) ?? "";
  }

  /** A stream that goes on as it came needs no writer; undefined: it has not been opened. */
  #writing(): StreamWriter | undefined {
    const facts = this.#facts;
    if (this.#writer === undefined && facts !== undefined) {
      const { includeUsage } = this.context;
      this.#writer = this.#format.createStreamWriter(this.#identity(facts), { includeUsage });
    }
    return this.#writer;
  }

  text(text: string): void {
    this.#pending += text;
  }

  flush(nowMs: MonotonicMs): void {
    const text = this.#pending;
    if (text === "" || this.#writes === undefined) return;
    this.#pending = "";
    this.#keepalive?.wrote(nowMs);
    this.ready = this.#writes.write(text);
  }

  finish(end: AnswerEnd, settled: SettledFacts): void {
    this.#keepalive?.stop();
    this.#addReport(end, this.#facts, settled);
    const { usage } = settled;
    const last = end.relayed?.write(usage) ?? this.#writing()?.finish(end, usage) ?? "";
    const cost = costValue(settled.costNanoUsd);
    // What could not stand in the head stands behind the answer.
    const late = this.#openedEarly && this.#facts ? answerHeaders(this.context, this.#facts) : [];
    if (cost !== undefined) late.push("x-penstock-cost-usd", cost);
    const { warnings } = end;
    if (warnings.length > 0) late.push("x-penstock-warnings", warningsValue(warnings));
    if (late.length > 0) this.#response.addTrailers(pairsOf(late));
    this.#endStream(this.#pending + last);
  }

  fail(error: GatewayError): void {
    this.#keepalive?.stop();
    const { requestId } = this.context;
    if (this.#writes !== undefined || this.#openedEarly) {
      // The head said 200 long ago: the stream ends with an error and without its end mark.
      this.#endStream(this.#pending + this.#format.writeStreamError(error, requestId));
      return;
    }
    const headers = requestHeaders(this.context);
    headers.push("x-penstock-attempts", String(this.context.attempts.length));
    if (this.context.attempts.length > 0) {
      headers.push("x-penstock-attempt-log", attemptLog(this.context));
    }
    writeHttpError(this.#response, this.#format, { error, requestId, headers });
    this.#watchEnd();
  }

  /** The connection is gone: nothing is written any more. */
  stop(): void {
    this.#keepalive?.stop();
  }

  #headers(facts: AnswerFacts): string[] {
    const headers = answerHeaders(this.context, facts);
    headers.push(...requestIdHeader(this.#format, this.context.requestId));
    if (facts.passed?.format === this.#format.name) headers.push(...facts.passed.headers);
    return headers;
  }

  #end(text: string, encoding: "utf8" | "latin1" = "utf8"): void {
    this.#response.end(text, encoding);
    this.#watchEnd();
  }

  #endStream(text: string): void {
    if (this.#writes === undefined) this.#response.end(text, "utf8");
    else this.#writes.end(text);
    this.#watchEnd();
  }

  /** Nobody watches the request any more: who does not take its last bytes is given up here. */
  #watchEnd(): void {
    const response = this.#response;
    if (response.writableLength === 0 && response.socket?.writableLength === 0) return;
    response.setTimeout(writeStallMs, () => response.destroy());
  }

  /** Only who asked for it gets a member that its dialect does not know. */
  #addReport(end: AnswerEnd, facts: AnswerFacts | undefined, settled: SettledFacts): void {
    if (!this.context.report || facts === undefined) return;
    end.report = answerReport(this.context, facts, settled);
  }

  #identity(facts: AnswerFacts) {
    return {
      requestId: this.context.requestId,
      responseId: facts.responseId,
      model: facts.model,
      createdSeconds: Math.floor(this.context.startWallMs / 1_000),
      callForms: this.context.callForms,
      said: this.said,
    };
  }

  #writeStreamHead(headers: string[]): void {
    headers.push("content-type", this.#format.streamContentType);
    const later = this.#openedEarly ? lateTrailers : trailers;
    headers.push("cache-control", "no-store");
    // Callers of HTTP/1.0, as some proxies are, get no chunks, so nothing behind them either.
    if (this.#response.useChunkedEncodingByDefault) headers.push("trailer", later);
    this.#response.writeHead(200, headers);
  }

  #sendKeepalive(): void {
    if (this.gone || !this.ready) return;
    if (!this.#response.headersSent) {
      this.#openedEarly = true;
      const { requestId } = this.context;
      const ids = requestIdHeader(this.#format, requestId);
      this.#writeStreamHead([...requestHeaders(this.context), ...ids]);
    }
    this.#response.write(this.#format.keepaliveText);
  }
}

/** Names and values, one after the other, as pairs. */
function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  return pairs;
}

/** A text as JSON in UTF-8, one character for each byte (Latin-1). */
function jsonBytesOf(text: string): string {
  if (sameInJson.test(text)) return `"${text}"`;
  return Buffer.from(JSON.stringify(text)).toString("latin1");
}

const sameInJson = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** An error as an HTTP answer in the caller's format, with what its SDK needs to retry rightly. */
export function writeHttpError(
  response: CallerResponse,
  format: Format,
  answer: {
    readonly error: GatewayError;
    readonly requestId: string;
    readonly headers: string[];
    /** Absent: that of the reason. */
    readonly status?: number;
  },
): void {
  const { error, requestId, headers, status = reasons[error.reason].httpStatus } = answer;
  const text = format.writeError(error, requestId);
  headers.push(...requestIdHeader(format, requestId));
  headers.push("content-type", format.contentType);
  headers.push("content-length", String(Buffer.byteLength(text)));
  headers.push("x-penstock-help", helpPath(error.reason));
  if (error.retryAfterMs !== undefined) {
    headers.push("retry-after", String(Math.ceil(error.retryAfterMs / 1_000)));
    headers.push("retry-after-ms", String(Math.ceil(error.retryAfterMs)));
  }
  // SDKs retry by themselves: what Penstock has tried already must not be multiplied.
  if (error.source === "upstream" || retryOf(error) === "never") {
    headers.push("x-should-retry", "false");
  }
  response.writeHead(status, headers);
  response.end(text, "utf8");
}
