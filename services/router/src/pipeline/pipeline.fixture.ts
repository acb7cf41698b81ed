import { Door, MessageRole } from "@penstock/api";
import type { CountTokensResponse, GenerateRequest } from "@penstock/api";
import { fromBinary, create } from "@bufbuild/protobuf";
import { GenerateRequestSchema, UsageEventSchema } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Answer, AnswerEnd, FormatName, StreamEvent, VectorAnswer } from "@penstock/formats";
import { silentObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import { AffinityBook } from "../choosing/affinity.ts";
import { RouterEvents } from "../events.ts";
import { CountingPauses } from "../health/counting-pauses.ts";
import { HedgeBook } from "../hedging/hedge-book.ts";
import { FailureSamples } from "../health/failure-samples.ts";
import { TargetHealthBook } from "../health/target-health.ts";
import { LeaseBook } from "../leases/lease-book.ts";
import type { UpstreamCall, UpstreamHandle } from "../upstream/upstream-call.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";
import type { SpoolCallback, FinalRecord } from "../usage/spool-callback.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";
import { TargetPerformanceBook } from "../performance/target-performance.ts";
import { Admission } from "./admit.ts";
import type { AnswerFacts, Downstream, RelayedText, SettledFacts } from "./downstream.ts";
import { RequestHandler } from "./handle-request.ts";
import type { Operation } from "./head-of-vectors.ts";
import { OutputCalibration } from "./output-estimate.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { RetryBudgets } from "./retry-budget.ts";
import { sampleKey, sampleSnapshot } from "./sample-snapshot.fixture.ts";
import { Settlement } from "./settle.ts";

/** One call to a provider, answered by the test. */
export class FakeCall implements UpstreamHandle {
  readonly call: UpstreamCall;
  cancelled = false;
  paused = false;
  sentBytes = true;

  constructor(call: UpstreamCall) {
    this.call = call;
  }

  get deployment(): string {
    return this.call.target.deployment.name;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.cancelled = true;
  }

  headers(status: number, headers: Readonly<Record<string, string>> = {}, stream = false): void {
    this.call.sink.onHeaders(status, (name) => headers[name], stream);
  }

  data(text: string): void {
    this.call.sink.onData(Buffer.from(text));
  }

  /** A whole answer of status 200 with its usage. */
  answer(usage: Readonly<Record<string, number>>): void {
    this.headers(200);
    this.data(
      JSON.stringify({
        id: "x",
        choices: [{ index: 0, message: { content: "hi" }, finish_reason: "stop" }],
        usage,
      }),
    );
    this.call.sink.onEnd();
  }

  /** One piece of a stream. */
  content(text: string): void {
    this.data(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`);
  }
}

/** Providers that do what the test says. */
class FakeUpstream {
  readonly calls: FakeCall[] = [];
  /** Thrown by the next call. */
  mistake: Error | undefined;
  readonly full = new Set<string>();

  dispatch(call: UpstreamCall): UpstreamHandle {
    const { mistake } = this;
    this.mistake = undefined;
    if (mistake !== undefined) throw mistake;
    const fake = new FakeCall(call);
    this.calls.push(fake);
    return fake;
  }

  isFull(target: UpstreamCall["target"]): boolean {
    return this.full.has(target.deployment.name);
  }

  hasCredential(): boolean {
    return true;
  }

  /** The newest call. */
  get last(): FakeCall {
    const last = this.calls.at(-1);
    if (last === undefined) throw new Error("no provider was called");
    return last;
  }
}

/** Writes at once. */
class FakeSpool implements UsageRecorder {
  readonly epoch = 1n;
  takesIntents = true;
  readonly finals: UsageEvent[] = [];
  readonly progresses: UsageEvent[] = [];
  readonly begun = new Set<string>();
  /** Intents wait here while it is set. */
  held: SpoolCallback[] | undefined;
  #sequence = 0n;

  /** What was asked to be on the disk. */
  readonly synced: string[] = [];

  nextSequence(): bigint {
    return this.#sequence + 1n;
  }

  hasIntent(requestId: string): boolean {
    return this.begun.has(requestId);
  }

  intent(requestId: string, _payload: Uint8Array, done: SpoolCallback, synced = false): void {
    if (synced) this.synced.push("intent");
    if (!this.takesIntents) {
      done.onSpooled(new GatewayError("METERING_UNAVAILABLE", "full"));
      return;
    }
    this.begun.add(requestId);
    if (this.held === undefined) done.onSpooled(undefined);
    else this.held.push(done);
  }

  progress(_requestId: string, payload: Uint8Array): void {
    this.progresses.push(fromBinary(UsageEventSchema, payload));
  }

  final(record: FinalRecord, done: SpoolCallback, synced = false): void {
    this.#sequence = record.sequence;
    if (synced) this.synced.push("final");
    this.finals.push(fromBinary(UsageEventSchema, record.payload));
    done.onSpooled(undefined);
  }
}

/** A caller that notes what it gets. */
export class FakeDownstream implements Downstream {
  ready = true;
  gone = false;
  readonly heard: string[] = [];
  error: GatewayError | undefined;
  settled: SettledFacts | undefined;
  facts: AnswerFacts | undefined;
  end: AnswerEnd | undefined;
  count: CountTokensResponse | undefined;
  readonly drainListeners: (() => void)[] = [];
  /** Thrown once, when the end is to be sent. */
  mistake: Error | undefined;

  onDrain(listener: () => void): void {
    this.drainListeners.push(listener);
  }

  relay(_answer: RelayedText, facts: AnswerFacts, settled: SettledFacts): void {
    this.facts = facts;
    this.#end("answer", settled);
  }

  answer(answer: Answer, facts: AnswerFacts, settled: SettledFacts): void {
    this.facts = facts;
    this.end = answer.end;
    this.#end("answer", settled);
  }

  vectors(_answer: VectorAnswer, _facts: AnswerFacts, settled: SettledFacts): void {
    this.#end("vectors", settled);
  }

  counted(count: CountTokensResponse): void {
    this.count = count;
    this.#end("counted", undefined);
  }

  start(facts: AnswerFacts): void {
    this.facts = facts;
    this.heard.push("start");
  }

  event(event: StreamEvent): void {
    this.heard.push(event.case ?? "");
  }

  flush(): void {
    this.heard.push("flush");
  }

  finish(end: AnswerEnd, settled: SettledFacts): void {
    this.end = end;
    this.#end("finish", settled);
  }

  fail(error: GatewayError): void {
    this.error = error;
    this.#end("fail", undefined);
  }

  #end(how: string, settled: SettledFacts | undefined): void {
    this.heard.push(how);
    this.settled = settled;
    const { mistake } = this;
    this.mistake = undefined;
    if (mistake !== undefined) throw mistake;
  }
}

/** A question of one word, with what a test wants besides. */
function question(request: Partial<GenerateRequest>): GenerateRequest {
  return create(GenerateRequestSchema, {
    model: "smart",
    messages: [
      { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: "hi" } } }] },
    ],
    ...(request as object),
  });
}

/** A pipeline of which everything but providers, disk (unless it is given) and clock is real. */
export function createPipeline(snapshot: Snapshot = sampleSnapshot(), disk?: UsageRecorder) {
  const clock = new ManualClock(1_767_225_600_000);
  const { logger, tracer, metrics } = silentObservability();
  const bugs: unknown[] = [];
  const events = new RouterEvents(logger, metrics);
  events.bug = (_requestId, error) => void bugs.push(error);
  const unrecorded: string[] = [];
  events.unrecorded = (cause) => void unrecorded.push(cause);
  const quotaRefusals: (string | undefined)[] = [];
  events.quotaRefused = (_requestId, { silence }) => void quotaRefusals.push(silence?.state);
  const admission = new Admission();
  const leases = new LeaseBook({ clock, epoch: 1n });
  const [upstream, spool] = [new FakeUpstream(), new FakeSpool()];
  const calibration = new OutputCalibration();
  const health = new TargetHealthBook(() => 0.5);
  const base = { clock, tracer, events, admission, leases, calibration };
  const settlement = new Settlement({ ...base, spool: disk ?? spool, replica: "r" });
  const parts: PipelineParts = {
    ...base,
    health,
    countingPauses: new CountingPauses(),
    performance: new TargetPerformanceBook(),
    affinity: new AffinityBook(),
    hedging: new HedgeBook(),
    failureSamples: new FailureSamples(),
    upstream: upstream as unknown as UpstreamClient,
    retryBudgets: new RetryBudgets(),
    settlement,
    quotaWait: { usualMs: 150, aliveMs: 500 },
    random: () => 0,
    isRevoked: () => false,
  };
  /** What callers speak (undefined: gRPC), and how much. */
  const caller: { format?: FormatName; requestBytes?: number } = {};
  const begin = (
    request: Partial<GenerateRequest>,
    how: { stream?: boolean; requestId?: string; timeoutMs: number; operation: Operation },
  ) => {
    const { stream = false, requestId = "request", timeoutMs, operation } = how;
    const downstream = new FakeDownstream();
    const arrival = {
      requestId,
      door: Door.OPENAI_CHAT,
      token: sampleKey,
      snapshot,
      parent: undefined,
      startMonotonicMs: clock.monotonicMs(),
      startWallMs: clock.wallMs(),
      timeoutMs,
    };
    const handler = new RequestHandler(arrival, downstream, parts);
    handler.context.request = question(request);
    handler.context.stream = stream;
    handler.context.operation = operation;
    handler.context.callerFormat = caller.format;
    handler.context.requestBytes = caller.requestBytes ?? 100;
    handler.run();
    return { handler, downstream };
  };
  const send = (
    request: Partial<GenerateRequest> = {},
    stream = false,
    requestId = "request",
    timeoutMs = 900_000,
  ) => begin(request, { stream, requestId, timeoutMs, operation: "generate" });
  const count = (request: Partial<GenerateRequest> = {}, timeoutMs = 900_000) =>
    begin(request, { timeoutMs, operation: "count_tokens" });
  const seen = { bugs, unrecorded, quotaRefusals, count, caller };
  return { ...seen, clock, parts, admission, leases, health, upstream, spool, send };
}
