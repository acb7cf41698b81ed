import { toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema, StreamGenerateResponseSchema } from "@penstock/api";
import type { Finished, Started, StreamGenerateResponse } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { Answer, AnswerEnd, StreamEvent } from "@penstock/formats";
import { Metadata } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { toGrpcError } from "@penstock/rpc";
import type { Clock, Timer } from "@penstock/runtime";
import type { AnswerFacts, Downstream, SettledFacts } from "../pipeline/downstream.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { answerHeaders, costValue, requestHeaders } from "./answer-headers.ts";

/** A caller of `Generate`. */
export class GrpcUnaryDownstream implements Downstream {
  readonly ready = true;
  context!: RequestContext;
  readonly #call: ServerUnaryCall<unknown, unknown>;
  readonly #callback: sendUnaryData<unknown>;

  constructor(call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) {
    this.#call = call;
    this.#callback = callback;
  }

  get gone(): boolean {
    return this.#call.cancelled;
  }

  onDrain(): void {}
  start(): void {}
  event(): void {}
  flush(): void {}
  finish(): void {}

  answer(answer: Answer, facts: AnswerFacts, settled: SettledFacts): void {
    this.#call.sendMetadata(metadataOf(requestHeaders(this.context)));
    const bytes = toBinary(GenerateResponseSchema, {
      $typeName: "penstock.inference.v1.GenerateResponse",
      started: startedOf(this.context, facts),
      candidates: answer.candidates.map(({ parts, finish }) => ({
        $typeName: "penstock.inference.v1.Candidate" as const,
        parts,
        finish,
      })),
      finished: finishedOf(answer.end, settled),
    });
    this.#callback(null, bytes, trailersOf(this.context, facts, settled));
  }

  fail(error: GatewayError): void {
    this.#callback(grpcErrorOf(error, this.context));
  }
}

/** A caller of `StreamGenerate`. */
export class GrpcStreamDownstream implements Downstream {
  ready = true;
  context!: RequestContext;
  readonly #call: ServerWritableStream<unknown, unknown>;
  readonly #clock: Clock;
  #facts: AnswerFacts | undefined;
  #keepalive: Timer | undefined;
  #lastWriteMs = 0;
  #sentMetadata = false;

  constructor(call: ServerWritableStream<unknown, unknown>, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
  }

  get gone(): boolean {
    return this.#call.cancelled;
  }

  /** Sends a keep-alive event whenever the stream was quiet for so long. Unit: milliseconds. */
  keepAlive(intervalMs: number): void {
    this.#keepalive = this.#clock.schedule(intervalMs, () => {
      if (this.gone) return;
      if (this.#clock.monotonicMs() - this.#lastWriteMs >= intervalMs && this.ready) {
        this.#write({
          case: "keepalive",
          value: { $typeName: "penstock.inference.v1.Keepalive" },
        });
      }
      this.keepAlive(intervalMs);
    });
  }

  onDrain(listener: () => void): void {
    this.#call.once("drain", () => {
      this.ready = true;
      listener();
    });
  }

  answer(): void {}

  start(facts: AnswerFacts): void {
    this.#facts = facts;
    this.#write({ case: "started", value: startedOf(this.context, facts) });
  }

  event(event: StreamEvent): void {
    this.#write(event);
  }

  flush(): void {}

  finish(end: AnswerEnd, settled: SettledFacts): void {
    this.stop();
    this.#write({ case: "finished", value: finishedOf(end, settled) });
    this.#call.end(trailersOf(this.context, this.#facts, settled));
  }

  fail(error: GatewayError): void {
    this.stop();
    this.#call.emit("error", grpcErrorOf(error, this.context, this.#facts));
  }

  /** The connection is gone: nothing is written any more. */
  stop(): void {
    this.#keepalive?.cancel();
  }

  #write(event: StreamGenerateResponse["event"]): void {
    if (!this.#sentMetadata) {
      this.#sentMetadata = true;
      this.#call.sendMetadata(metadataOf(requestHeaders(this.context)));
    }
    this.#lastWriteMs = this.#clock.monotonicMs();
    const bytes = toBinary(StreamGenerateResponseSchema, {
      $typeName: "penstock.inference.v1.StreamGenerateResponse",
      event,
    });
    this.ready = this.#call.write(bytes);
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
  if (error.retryAfterMs !== undefined) {
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

function finishedOf(end: AnswerEnd, settled: SettledFacts): Finished {
  const finished: Finished = {
    $typeName: "penstock.inference.v1.Finished",
    candidates: end.candidates,
    usage: settled.usage,
    warnings: end.warnings,
  };
  if (end.rawUsage !== undefined) finished.rawUsage = end.rawUsage;
  if (settled.costNanoUsd !== undefined) finished.costNanoUsd = settled.costNanoUsd;
  return finished;
}
