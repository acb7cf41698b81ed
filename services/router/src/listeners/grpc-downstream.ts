import { toBinary } from "@bufbuild/protobuf";
import {
  CountTokensResponseSchema,
  EmbedResponseSchema,
  GenerateResponseSchema,
  VectorEncoding,
} from "@penstock/api";
import type { CountTokensResponse, Finished, Started, StreamGenerateResponse } from "@penstock/api";
import { retryOf } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";
import { encodeVector } from "@penstock/formats";
import type { Answer, AnswerEnd, StreamEvent, VectorAnswer } from "@penstock/formats";
import { Metadata } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { toGrpcError } from "@penstock/rpc";
import type { GrpcError } from "@penstock/rpc";
import type { MonotonicMs } from "@penstock/limits";
import type { Clock } from "@penstock/runtime";
import type { AnswerFacts, Downstream, SettledFacts } from "../pipeline/downstream.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { Keepalive } from "./keepalive.ts";
import { answerHeaders, costValue, requestHeaders } from "./answer-headers.ts";
import { countHeaders } from "./count-headers.ts";
import { encodeStreamEvent } from "./encode-stream-event.ts";
import { attemptReports, quotaReports } from "./answer-report.ts";

/** Where a refusal goes before the method is called: grpc-js has no call object by then. */
interface RefusalTarget {
  sendStatus(status: GrpcError): void;
}

/** A caller of `Generate`, `Embed` or `CountTokens`. */
export class GrpcUnaryDownstream implements Downstream {
  readonly ready = true;
  context!: RequestContext;
  readonly #refusals: RefusalTarget;
  #call: ServerUnaryCall<unknown, unknown> | undefined;
  #callback: sendUnaryData<unknown> | undefined;

  constructor(refusals: RefusalTarget) {
    this.#refusals = refusals;
  }

  /** The message is here and the method was called. */
  attach(call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void {
    this.#call = call;
    this.#callback = callback;
  }

  get gone(): boolean {
    return this.#call?.cancelled === true;
  }

  stop(): void {}
  onDrain(): void {}
  start(): void {}
  event(): void {}
  flush(): void {}
  finish(): void {}
  relay(): void {}

  answer(answer: Answer, facts: AnswerFacts, settled: SettledFacts): void {
    this.#call?.sendMetadata(metadataOf(requestHeaders(this.context)));
    const bytes = toBinary(GenerateResponseSchema, {
      $typeName: "penstock.inference.v1.GenerateResponse",
      started: startedOf(this.context, facts),
      candidates: answer.candidates.map(({ parts, finish }) => ({
        $typeName: "penstock.inference.v1.Candidate" as const,
        parts,
        finish,
      })),
      finished: finishedOf(answer.end, this.context, settled),
    });
    this.#callback?.(null, bytes, trailersOf(this.context, facts, settled));
  }

  vectors(answer: VectorAnswer, facts: AnswerFacts, settled: SettledFacts): void {
    const encoding = this.context.vectors?.encoding ?? VectorEncoding.UNSPECIFIED;
    this.#call?.sendMetadata(metadataOf(requestHeaders(this.context)));
    const bytes = toBinary(EmbedResponseSchema, {
      $typeName: "penstock.inference.v1.EmbedResponse",
      started: startedOf(this.context, facts),
      embeddings: answer.embeddings.map((embedding) => encodeVector(embedding, encoding)),
      finished: finishedOf(answer.end, this.context, settled),
    });
    this.#callback?.(null, bytes, trailersOf(this.context, facts, settled));
  }

  counted(count: CountTokensResponse): void {
    const headers = metadataOf([...requestHeaders(this.context), ...countHeaders(count)]);
    this.#call?.sendMetadata(headers);
    this.#callback?.(null, toBinary(CountTokensResponseSchema, count));
  }

  fail(error: GatewayError): void {
    const status = grpcErrorOf(error, this.context);
    if (this.#callback === undefined) this.#refusals.sendStatus(status);
    else this.#callback(status);
  }
}

/** A caller of `StreamGenerate`. */
export class GrpcStreamDownstream implements Downstream {
  ready = true;
  context!: RequestContext;
  readonly #refusals: RefusalTarget;
  readonly #keepalive: Keepalive;
  #call: ServerWritableStream<unknown, unknown> | undefined;
  #facts: AnswerFacts | undefined;
  #sentMetadata = false;

  constructor(refusals: RefusalTarget, clock: Clock) {
    this.#refusals = refusals;
    this.#keepalive = new Keepalive(clock, () => {
      if (this.gone || !this.ready) return;
      // Whoever waits for room waits for that of content.
      this.#send({ case: "keepalive", value: { $typeName: "penstock.inference.v1.Keepalive" } });
    });
  }

  /** The message is here and the method was called. */
  attach(call: ServerWritableStream<unknown, unknown>): void {
    this.#call = call;
  }

  get gone(): boolean {
    return this.#call?.cancelled === true;
  }

  /** Sends a keep-alive event whenever the stream was quiet for so long. Unit: milliseconds. */
  keepAlive(intervalMs: number): void {
    this.#keepalive.start(intervalMs);
  }

  onDrain(listener: () => void): void {
    this.#call?.once("drain", () => {
      this.ready = true;
      listener();
    });
  }

  answer(): void {}
  vectors(): void {}
  relay(): void {}

  start(facts: AnswerFacts): void {
    this.#facts = facts;
    this.#write({ case: "started", value: startedOf(this.context, facts) });
  }

  event(event: StreamEvent): void {
    this.#write(event);
  }

  flush(nowMs: MonotonicMs): void {
    this.#keepalive.wrote(nowMs);
  }

  finish(end: AnswerEnd, settled: SettledFacts): void {
    this.stop();
    this.#write({ case: "finished", value: finishedOf(end, this.context, settled) });
    this.#call?.end(trailersOf(this.context, this.#facts, settled));
  }

  fail(error: GatewayError): void {
    this.stop();
    const status = grpcErrorOf(error, this.context, this.#facts);
    if (this.#call === undefined) this.#refusals.sendStatus(status);
    else this.#call.emit("error", status);
  }

  /** The connection is gone: nothing is written any more. */
  stop(): void {
    this.#keepalive.stop();
  }

  #write(event: StreamGenerateResponse["event"]): void {
    this.ready = this.#send(event);
  }

  /** False: there is no more room for now. */
  #send(event: StreamGenerateResponse["event"]): boolean {
    if (!this.#sentMetadata) {
      this.#sentMetadata = true;
      this.#call?.sendMetadata(metadataOf(requestHeaders(this.context)));
    }
    return this.#call?.write(encodeStreamEvent(event)) ?? true;
  }
}

/** Names and values, one after the other, as metadata. */
export function metadataOf(flat: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (let at = 0; at + 1 < flat.length; at += 2) metadata.set(flat[at] ?? "", flat[at + 1] ?? "");
  return metadata;
}

function trailersOf(
  context: RequestContext,
  facts: AnswerFacts | undefined,
  settled: SettledFacts,
): Metadata {
  const metadata = metadataOf(
    facts === undefined ? requestHeaders(context) : answerHeaders(context, facts),
  );
  const cost = costValue(settled.costNanoUsd);
  if (cost !== undefined) metadata.set("x-penstock-cost-usd", cost);
  return metadata;
}

function grpcErrorOf(error: GatewayError, context: RequestContext, facts?: AnswerFacts) {
  const grpcError = toGrpcError(error, context.requestId, context.trace.traceId);
  grpcError.metadata.set("x-penstock-attempts", String(context.attempts.length));
  if (facts !== undefined) {
    grpcError.metadata.set("x-penstock-provider", facts.provider);
    grpcError.metadata.set("x-penstock-deployment", facts.deployment);
  }
  // What Penstock has tried already must not be multiplied: less than zero means never by itself.
  const isFinal = error.source === "upstream" || retryOf(error) === "never";
  if (isFinal) grpcError.metadata.set("grpc-retry-pushback-ms", "-1");
  else if (error.retryAfterMs !== undefined) {
    grpcError.metadata.set("grpc-retry-pushback-ms", String(Math.ceil(error.retryAfterMs)));
  }
  return grpcError;
}

function startedOf(context: RequestContext, facts: AnswerFacts): Started {
  return {
    $typeName: "penstock.inference.v1.Started",
    requestId: context.requestId,
    responseId: facts.responseId,
    model: facts.upstreamModel,
    provider: facts.provider,
    deployment: facts.deployment,
    attempt: facts.attempt,
    revision: context.snapshot?.revision ?? 0n,
  };
}

function finishedOf(end: AnswerEnd, context: RequestContext, settled: SettledFacts): Finished {
  const finished: Finished = {
    $typeName: "penstock.inference.v1.Finished",
    candidates: end.candidates,
    usage: settled.usage,
    warnings: end.warnings,
    attempts: attemptReports(context),
    quotas: quotaReports(context),
  };
  if (end.rawUsage !== undefined) finished.rawUsage = end.rawUsage;
  const tier = end.serviceTier ?? end.servedTier;
  if (tier !== undefined) finished.serviceTier = tier;
  if (settled.costNanoUsd !== undefined) finished.costNanoUsd = settled.costNanoUsd;
  return finished;
}
