import { AttemptKind, Door, UsageSource } from "@penstock/api";
import type { Attempt } from "@penstock/api";
import { durationMs as toMs } from "@bufbuild/protobuf/wkt";
import { reasons } from "@penstock/errors";
import { attributeNames as names } from "@penstock/observability";
import type { Attributes, SpanRecord, Tracer } from "@penstock/observability";
import { doorNames } from "./door-names.ts";
import type { RequestContext } from "./request-context.ts";
import { attemptKindNames } from "./attempt-record.ts";
import { totalUsage } from "./usage-event.ts";

/** A request that took longer than this is seen although sampling left it out. */
const slowMs = 30_000;

/**
 * Builds the spans of an ended request: its server span, its reservation and one client span per
 * attempt. Nothing is built while the request runs; ids were given then. A request that ended badly,
 * was rescued by a fallback or was slow is exported although head sampling had left it out.
 */
export function emitRequestSpans(
  context: RequestContext,
  tracer: Tracer,
  durationMs: number,
): void {
  const failed = context.outcome === "FAILED" || context.attempts.length > 1;
  const late = !context.trace.sampled && (failed || isServerFault(context) || durationMs > slowMs);
  if (!context.trace.sampled && !late) return;
  const force = late;
  tracer.emit({ ...serverSpan(context, durationMs, late), force });
  if (context.reserveOffsetMs !== undefined) {
    const spanId = context.reserveSpanId || tracer.newSpanId();
    tracer.emit({ ...reserveSpan(context, spanId, context.reserveOffsetMs), force });
  }
  context.attempts.forEach((attempt, index) => {
    tracer.emit({ ...attemptSpan(context, attempt, context.attempts[index - 1]), force });
  });
}

/** Name of the server span, by door; also the metric label. */
export function operationName(
  context: Pick<RequestContext, "door" | "operation" | "stream">,
): string {
  if (context.door !== Door.GRPC) return doorNames(context.door).operation;
  if (context.operation === "embed") return grpcEmbed;
  if (context.operation === "count_tokens") return grpcCount;
  return context.stream ? grpcStream : grpcUnary;
}

const genAiOperations = {
  generate: "chat",
  embed: "embeddings",
  count_tokens: "count_tokens",
} as const;
const grpcEmbed = "penstock.inference.v1.InferenceService/Embed";
const grpcCount = "penstock.inference.v1.InferenceService/CountTokens";

const grpcUnary = "penstock.inference.v1.InferenceService/Generate";
const grpcStream = "penstock.inference.v1.InferenceService/StreamGenerate";

function isServerFault(context: RequestContext): boolean {
  return context.error !== undefined && reasons[context.error.reason].httpStatus >= 500;
}

function serverSpan(context: RequestContext, durationMs: number, late: boolean): SpanRecord {
  const { caller, route, error, attempts, snapshot } = context;
  const usage = totalUsage(attempts);
  const last = attempts.at(-1);
  const fallbacks = attempts.filter((attempt) => attempt.kind === AttemptKind.FALLBACK).length;
  const hedges = attempts.filter((attempt) => attempt.kind === AttemptKind.HEDGE).length;
  const retries = attempts.filter((attempt) => attempt.kind === AttemptKind.RETRY).length;
  const grpc = context.door === Door.GRPC;
  const status = error === undefined ? 200 : reasons[error.reason].httpStatus;
  const attributes: Attributes = {
    [names.requestId]: context.requestId,
    [names.apiShape]: grpc ? "grpc" : doorNames(context.door).shape,
    ...(grpc
      ? { [names.rpcSystemName]: "grpc", [names.rpcMethod]: operationName(context) }
      : {
          [names.httpRequestMethod]: "POST",
          [names.httpRoute]: doorNames(context.door).route,
          [names.httpResponseStatusCode]: status,
        }),
    [names.team]: caller?.team,
    [names.project]: caller?.project,
    [names.keyId]: caller?.virtualKey,
    [names.modelAlias]: context.request?.model.slice(0, 256),
    [names.route]: route?.name,
    [names.configRevision]: Number(snapshot?.revision ?? 0n),
    [names.targetSelected]: last?.deployment,
    [names.targetProvider]: last?.provider,
    [names.attempts]: attempts.length,
    [names.retries]: retries,
    [names.fallbacks]: fallbacks,
    [names.hedges]: hedges > 0 ? hedges : undefined,
    [names.fallbackReason]: fallbacks > 0 ? attempts[0]?.outcome : undefined,
    [names.committed]: attempts.some((attempt) => attempt.committed),
    [names.timeToFirstTokenMs]: context.firstTokenMs,
    [names.streamOutcome]: context.outcome,
    [names.usageInputTokens]: Number(usage?.inputTokens ?? 0n),
    [names.usageOutputTokens]: Number(usage?.outputTokens ?? 0n),
    [names.usageEstimated]: usage?.source === UsageSource.ESTIMATED,
    [names.costNanoUsd]:
      context.costNanoUsd === undefined ? undefined : Number(context.costNanoUsd),
    [names.quotaDeniedBy]: error?.metadata["quota"],
    [names.errorType]: error?.reason,
    [names.lateSpan]: late ? true : undefined,
  };
  return {
    name: operationName(context),
    kind: "server",
    context: context.trace,
    parentSpanId: context.links.length === 0 ? context.parent?.spanId : undefined,
    startMs: context.startWallMs,
    endMs: context.startWallMs + durationMs,
    attributes,
    // A refusal is the caller's, a policy's or a quota's doing, not an error of this server.
    status: isServerFault(context) ? "error" : "unset",
    statusMessage: isServerFault(context) ? error?.message : undefined,
    links: context.links,
  };
}

function reserveSpan(context: RequestContext, spanId: string, offsetMs: number): SpanRecord {
  const quota = context.error?.metadata["quota"];
  const startMs = context.startWallMs + offsetMs;
  return {
    name: "penstock.quota.reserve",
    kind: "internal",
    context: { ...context.trace, spanId },
    parentSpanId: context.trace.spanId,
    startMs,
    endMs: startMs + context.reserveWaitMs,
    attributes: {
      [names.quotaDecision]: quota === undefined ? "held" : "denied",
      [names.quotaDeniedBy]: quota,
      [names.queueMs]: context.reserveWaitMs,
    },
    status: "unset",
  };
}

function attemptSpan(
  context: RequestContext,
  attempt: Attempt,
  previous: Attempt | undefined,
): SpanRecord {
  const startMs =
    context.startWallMs + (attempt.startOffset === undefined ? 0 : toMs(attempt.startOffset));
  const endMs = startMs + (attempt.duration === undefined ? 0 : toMs(attempt.duration));
  const { usage } = attempt;
  const ok = attempt.outcome === "OK";
  const { request } = context;
  const sampling = request?.sampling;
  const operation = genAiOperations[context.operation];
  const firstToken = attempt.firstTokenDelay;
  return {
    // Models are configured, so the name stays of low cardinality.
    name: `${operation} ${attempt.model}`,
    kind: "client",
    context: { ...context.trace, spanId: attempt.spanId },
    parentSpanId: context.trace.spanId,
    startMs,
    endMs,
    attributes: {
      [names.genAiOperationName]: operation,
      [names.genAiProviderName]: attempt.provider.replace(/^providers\//, ""),
      [names.genAiRequestModel]: attempt.model,
      [names.genAiRequestStream]: context.stream ? true : undefined,
      [names.genAiRequestMaxTokens]: sampling?.maxOutputTokens,
      [names.genAiRequestTemperature]: sampling?.temperature,
      [names.genAiResponseModel]: attempt.responseModel === "" ? undefined : attempt.responseModel,
      [names.genAiResponseFinishReasons]: ok ? context.finishReasons : undefined,
      [names.genAiResponseTimeToFirstChunk]:
        context.stream && firstToken !== undefined ? toMs(firstToken) / 1_000 : undefined,
      [names.genAiUsageInputTokens]: count(usage?.inputTokens),
      [names.genAiUsageOutputTokens]: count(usage?.outputTokens),
      [names.genAiUsageCacheReadInputTokens]: count(usage?.cacheReadInputTokens),
      [names.genAiUsageReasoningOutputTokens]: count(usage?.reasoningOutputTokens),
      [names.peerService]: attempt.provider,
      [names.targetId]: attempt.deployment,
      [names.attemptNumber]: attempt.number,
      [names.attemptKind]: attemptKindNames[attempt.kind],
      [names.attemptOutcome]: attempt.outcome,
      [names.attemptCause]: causeOf(attempt, previous),
      [names.committed]: attempt.committed,
      [names.upstreamStatusCode]: attempt.httpStatus === 0 ? undefined : attempt.httpStatus,
      [names.upstreamRequestId]:
        attempt.providerRequestId === "" ? undefined : attempt.providerRequestId,
      [names.costNanoUsd]: count(attempt.costNanoUsd),
      [names.errorType]: ok ? undefined : attempt.outcome,
    },
    status: ok || attempt.outcome === "CANCELLED" ? "unset" : "error",
    statusMessage: ok ? undefined : attempt.outcome,
  };
}

/** Why there was an attempt: what ended before it, or that the one beside it was slow. */
function causeOf({ kind }: Attempt, previous: Attempt | undefined): string | undefined {
  if (kind === AttemptKind.HEDGE) return "SLOW";
  return kind === AttemptKind.PRIMARY ? undefined : previous?.outcome;
}

function count(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
