import { isUtf8 } from "node:buffer";
import type { AttemptKind, TokenUsage } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type {
  AnswerEnd,
  CallForms,
  FailureClass,
  HeaderGetter,
  StreamEvent,
  StreamReader,
  StreamRelay,
  StreamSink,
} from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { Clock } from "@penstock/runtime";
import type { CompiledTarget } from "@penstock/snapshot";
import type { Reservation } from "../leases/reservation.ts";
import type { AnswerSink, TransportFailure, UpstreamHandle } from "../upstream/upstream-call.ts";
import type { AnswerReading } from "./attempt-message.ts";
import { contentBytes } from "./content-size.ts";
import type { WholeAnswer } from "./downstream.ts";
import { readMisread } from "./misread-stream.ts";
import { providerRequestId } from "./provider-request-id.ts";
import {
  failureOfAnswer,
  failureOfReader,
  failureOfTransport,
  plainFailure,
} from "./attempt-failure.ts";
import type { AnswerCircumstances, AttemptFailure } from "./attempt-failure.ts";
import type { AttemptOwner, AttemptRunOptions } from "./attempt-owner.ts";
import { AttemptTimers } from "./attempt-timers.ts";
import type { TimeoutListener } from "./attempt-timers.ts";

/** Bodies of error answers are read up to here; what matters stands at their beginning. */
const maximumErrorBodyBytes = 64 * 1024;
/** Largest whole answer (security R5). */
const maximumAnswerBytes = 64 * 1024 * 1024;
const noBytes = Buffer.alloc(0);
const noHeader: HeaderGetter = () => undefined;

/** One try against one target: reads its answer, keeps its time, names its failure. */
export class AttemptRun implements AnswerSink, StreamSink, TimeoutListener {
  readonly target: CompiledTarget;
  readonly kind: AttemptKind;
  readonly number: number;
  readonly spanId: string;
  readonly reservation: Reservation | undefined;
  readonly warnings: readonly string[];
  readonly callForms: CallForms | undefined;
  readonly startMs: MonotonicMs;
  handle: UpstreamHandle | undefined;
  /** Whether it is made although the breaker of its target is open. */
  isOpenTry = false;

  httpStatus = 0;
  providerRequestId = "";
  responseId = "";
  responseModel = "";
  /** When an answer ended that is no stream. */
  answeredMs = 0 as MonotonicMs;
  /** From its start to the first content. */
  firstTokenMs: number | undefined;
  /** Pieces of content received. */
  deltas = 0;
  /** Size of a whole answer's body. */
  answerBytes = 0;
  /** Of that what the model wrote, where no usage was told; undefined: nothing could be read. */
  contentBytes: number | undefined;
  /** What the provider says that a failed answer used; undefined when it did not say. */
  failedUsage: TokenUsage | undefined;
  committed = false;
  /** Undefined: it has not failed below HTTP, and its handle knows. */
  #sentBytes: boolean | undefined;

  readonly #owner: AttemptOwner;
  readonly #format: AnswerReading;
  readonly #clock: Clock;
  readonly #stream: boolean;
  readonly #relays: boolean;
  /** Undefined: the stream is written anew. */
  readonly streamRelay: StreamRelay | undefined;
  readonly #timers: AttemptTimers;
  readonly #heads: AttemptRunOptions["heads"];
  #reader: StreamReader | undefined;
  #header: HeaderGetter = noHeader;
  /** Nearly all answers come in one piece. */
  #firstChunk: Buffer | undefined;
  #moreChunks: Buffer[] | undefined;
  #chunkBytes = 0;
  #sawContent = false;
  #isEventStream = false;
  #ended = false;
  /** True while a proven answer is ended although its time is over. */
  #ending = false;

  constructor(owner: AttemptOwner, options: AttemptRunOptions) {
    this.#owner = owner;
    this.target = options.target;
    this.kind = options.kind;
    this.reservation = options.reservation;
    this.warnings = options.warnings;
    this.callForms = options.callForms;
    this.#format = options.format;
    this.number = options.number;
    this.spanId = options.spanId;
    this.#stream = options.stream;
    this.#relays = options.relays;
    this.streamRelay = options.streamRelay;
    this.#clock = options.clock;
    this.#heads = options.heads;
    this.startMs = options.startMs;
    this.#timers = new AttemptTimers(options.clock, options.timeouts, options.requestEndMs, {
      stream: options.stream,
      startMs: options.startMs,
      listener: this,
    });
  }

  /** What the provider has told of the usage of a stream so far; undefined: nothing. */
  get usageSoFar(): TokenUsage | undefined {
    return this.#reader?.usageSoFar;
  }

  /** The tier by which the provider has said so far that it serves a stream. */
  get tierSoFar(): string | undefined {
    return this.#reader?.tierSoFar;
  }

  /** Whether the provider may have read the request, and so may bill it. */
  get wasSent(): boolean {
    return this.#sentBytes ?? this.handle?.sentBytes ?? false;
  }

  /** Whether the provider has begun to answer, if only with an error. */
  get wasHeard(): boolean {
    return this.httpStatus !== 0;
  }

  /** A header of the provider's answer; undefined when it is not there. */
  answerHeader(name: string): string | undefined {
    return this.#header(name);
  }

  /** Ends it without a word to its owner; the provider sees its connection close. */
  cancel(): void {
    this.#timers.stop();
    this.handle?.cancel();
  }

  /**
   * The caller can't take more: the provider is not read, and its timers stand still. False when
   * that is so already.
   */
  pause(): boolean {
    if (!this.#timers.pause()) return false;
    this.handle?.pause();
    return true;
  }

  /** The caller can take more again. */
  resume(): void {
    if (this.#timers.resume()) this.handle?.resume();
  }

  onHeaders(status: number, header: HeaderGetter, isEventStream: boolean): void {
    if (this.#timers.over) return;
    this.httpStatus = status;
    this.#header = header;
    this.#isEventStream = isEventStream;
    this.providerRequestId = providerRequestId(header);
    const now = this.#clock.monotonicMs();
    this.#heads?.heardHead(this.target.deployment, header, now);
    if (!this.#ok) this.#timers.refused(now);
    else if (!this.#stream) this.#timers.progressed(now);
    else if (isEventStream) {
      this.#reader = this.#format.createStreamReader?.(this, undefined, this.streamRelay);
    }
  }

  onData(chunk: Buffer): void {
    if (this.#timers.over) return;
    if (this.#reader === undefined) this.#collect(chunk);
    else this.#reader.push(chunk);
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#timers.over) {
      this.#timers.stop();
      return;
    }
    if (this.#reader !== undefined) {
      this.#reader.end();
      return;
    }
    if (this.#ok) this.#readWhole(this.#body);
    else this.#failByAnswer(this.#body);
  }

  onFailure(failure: TransportFailure): void {
    this.#ended = true;
    this.#sentBytes = failure.sentBytes;
    if (this.#timers.over) {
      this.#timers.stop();
      return;
    }
    if (this.#refused) {
      this.#failByAnswer(this.#body);
      return;
    }
    if (this.#endProven()) return;
    this.#fail(failureOfTransport(failure, this.#ok));
  }

  onTimeout(failure: FailureClass): void {
    this.handle?.cancel();
    if (this.#refused) this.#failByAnswer(this.#body);
    else if (failure === "CANCELLED" || !this.#endProven()) this.#fail(plainFailure(failure));
  }

  /** What may be billed by now is written down, should the process die. */
  onUnderWay(): boolean {
    if (!this.wasSent) return false;
    // Content is written down as it comes.
    if (!this.committed) this.#owner.attemptUnderWay(this);
    return true;
  }

  /** Takes the connection away that the provider has not given back. */
  onLingered(): void {
    this.handle?.cancel();
  }

  /** An answer that is complete is a good one, whatever becomes of what may follow it. */
  #endProven(): boolean {
    if (this.#reader?.proven !== true) return false;
    this.#ending = true;
    this.#reader.end();
    return true;
  }

  event(event: StreamEvent): void {
    if (this.#timers.over) return;
    this.#sawContent = true;
    if (event.case === "blockDelta") this.deltas += 1;
    if (this.firstTokenMs === undefined) {
      this.firstTokenMs = this.#clock.monotonicMs() - this.startMs;
      this.responseId = this.#reader?.responseId ?? "";
      this.responseModel = this.#reader?.model ?? "";
    }
    this.#owner.attemptEvent(this, event);
  }

  relay(text: string): void {
    if (!this.#timers.over) this.#owner.attemptText(text);
  }

  flush(): void {
    if (this.#timers.over) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#sawContent) {
      this.#sawContent = false;
      this.#timers.progressed(nowMs);
    }
    this.#owner.attemptFlush(this, nowMs);
  }

  finish(end: AnswerEnd): void {
    if (this.#timers.over && !this.#ending) return;
    if (this.#ended) this.#timers.stop();
    else this.#timers.linger();
    this.responseId = end.responseId;
    this.responseModel = end.model;
    this.#owner.attemptFinished(this, end);
  }

  fail(error: GatewayError, usage?: TokenUsage): void {
    if (this.#timers.over) return;
    this.failedUsage = usage;
    this.handle?.cancel();
    this.#fail(failureOfReader(error, this.target, this.#circumstances(true)));
  }

  get #ok(): boolean {
    return this.httpStatus >= 200 && this.httpStatus < 300;
  }

  /** An error answer: its status and headers say enough, with or without the rest of its body. */
  get #refused(): boolean {
    return this.httpStatus !== 0 && !this.#ok;
  }

  #collect(chunk: Buffer): void {
    const bound = this.#ok ? maximumAnswerBytes : maximumErrorBodyBytes;
    if (this.#chunkBytes + chunk.length > bound) {
      this.handle?.cancel();
      if (this.#ok) this.#fail(plainFailure("MALFORMED"));
      else this.#failByAnswer(this.#body);
      return;
    }
    if (this.#firstChunk === undefined) this.#firstChunk = chunk;
    else (this.#moreChunks ??= []).push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#ok && !this.#stream) this.#timers.progressed(this.#clock.monotonicMs());
  }

  /** What has come of the body so far. */
  get #body(): Buffer {
    const first = this.#firstChunk ?? noBytes;
    const more = this.#moreChunks;
    return more === undefined ? first : Buffer.concat([first, ...more], this.#chunkBytes);
  }

  #readWhole(body: Buffer): void {
    this.answerBytes = body.length;
    if (this.#relays && this.#relay(body)) return;
    let answer: WholeAnswer;
    try {
      answer = this.#format.readResponse(body);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (this.#isEventStream) this.#noteMisread(body);
      this.#fail(failureOfReader(error, this.target, this.#circumstances(true)));
      return;
    }
    if (answer.end.usage === undefined) this.contentBytes = contentBytes(answer);
    // A whole answer where a stream was asked for can't be told from a cut one.
    if (this.#stream) {
      this.failedUsage = answer.end.usage;
      this.#fail(plainFailure("MALFORMED"));
      return;
    }
    this.#noteEnd(answer.end);
    this.#owner.attemptAnswered(this, answer);
  }

  #noteMisread(body: Buffer): void {
    const misread = readMisread(body, this.#format);
    if (misread === undefined) return;
    this.deltas = misread.deltas;
    this.failedUsage = misread.usage;
  }

  /** False when the answer must be read, and written anew. */
  #relay(body: Buffer): boolean {
    if (!isUtf8(body)) return false;
    const text = body.toString("latin1");
    const relayed = this.#format.relayResponse?.(text, body);
    if (relayed === undefined) return false;
    const { model, end, signature } = relayed;
    this.#noteEnd(end);
    this.#owner.attemptRelayed(this, { text, model, signature }, end);
    return true;
  }

  #noteEnd({ responseId, model }: AnswerEnd): void {
    this.#timers.stop();
    this.answeredMs = this.#clock.monotonicMs();
    this.firstTokenMs = this.answeredMs - this.startMs;
    this.responseId = responseId;
    this.responseModel = model;
  }

  #failByAnswer(body: Buffer): void {
    const nowMs = this.#clock.wallMs();
    const failure = this.#format.readError(this.httpStatus, this.#header, body, nowMs);
    this.#fail(failureOfAnswer(failure, this.target, this.#circumstances(false)));
  }

  #circumstances(inBand: boolean): AnswerCircumstances {
    const status = inBand ? 0 : this.httpStatus;
    return { status, inBand, header: this.#header, nowMs: this.#clock.wallMs() };
  }

  #fail(failure: AttemptFailure): void {
    this.#timers.stop();
    this.#owner.attemptFailed(this, failure);
  }
}
