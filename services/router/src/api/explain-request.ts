import { create, toBinary } from "@bufbuild/protobuf";
import {
  ConsiderationSchema,
  Door,
  EmbedRequestSchema,
  ExplainRequestResponseSchema,
  GenerateRequestSchema,
  type ExplainRequestRequest,
  type ExplainRequestResponse,
  type GenerateRequest,
} from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { formats } from "@penstock/formats";
import type { FormatQuirks } from "@penstock/formats";
import { explainPolicies, explainRoutes } from "@penstock/snapshot";
import type { Caller, CompiledTarget, Snapshot } from "@penstock/snapshot";
import { conditionFacts } from "../choosing/condition-facts.ts";
import { describeHedge } from "../hedging/describe-hedge.ts";
import { describeOrder } from "../choosing/describe-order.ts";
import { enforcePolicies } from "../pipeline/enforce-policies.ts";
import { estimate } from "../pipeline/estimate-usage.ts";
import { headOfVectors } from "../pipeline/head-of-vectors.ts";
import { mediaOf } from "../pipeline/media-size.ts";
import { noTargetError } from "../pipeline/no-target-error.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { countPlanOf } from "../pipeline/plan-count.ts";
import type { CountPlan } from "../pipeline/plan-count.ts";
import { planForContext } from "../pipeline/plan-for-context.ts";
import { describeAmount, describeQuantity, describeScope } from "../pipeline/quota-error.ts";
import { RequestContext } from "../pipeline/request-context.ts";
import { resolveRoute } from "../pipeline/resolve-route.ts";
import { silentDownstream } from "../pipeline/silent-downstream.ts";
import { describeHeaders } from "./describe-headers.ts";
import { nearestRoutes } from "./nearest-routes.ts";

/** From the proto: what people read; a key may have thousands of routes. */
const mostRoutes = 8;

/** What the handler uses. */
export interface ExplainParts {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
}

interface Consideration {
  readonly name: string;
  readonly chosen: boolean;
  readonly reason: string;
}

/** Runs the pure stages on the current snapshot; nothing is reserved, sent or recorded. */
export function explainRequest(
  { parts, currentSnapshot }: ExplainParts,
  asked: ExplainRequestRequest,
): ExplainRequestResponse {
  const context = contextOf(parts, currentSnapshot(), asked);
  const { caller, request, snapshot } = context;
  if (caller === undefined || request === undefined) throw new Error("made just above");
  const answer = create(ExplainRequestResponseSchema, {
    principal: caller.principal,
    revision: snapshot?.revision ?? 0n,
    ...explainedRoutes(context, caller, request, asked.allRoutes),
    policies: explainPolicies(caller, request.model, { labels: request.labels }),
  });
  const refusal =
    resolveRoute(context, parts.clock.monotonicMs()) ??
    enforcePolicies(context) ??
    estimate(context);
  if (refusal !== undefined) return refused(answer, refusal);
  answer.estimatedInputTokens = BigInt(context.estimate?.inputTokens ?? 0);
  answer.estimatedOutputTokens = BigInt(context.estimate?.outputTokens ?? 0);
  const quotas = explainQuotas(context, parts);
  answer.quotas = create(ExplainRequestResponseSchema, { quotas }).quotas;
  return explainTargets(context, parts, { answer, quotas });
}

/** The routes to tell of; the others are counted. */
function explainedRoutes(
  context: RequestContext,
  caller: Caller,
  { model, labels }: GenerateRequest,
  all: boolean,
): { readonly routes: Consideration[]; readonly omittedRoutes: number } {
  const rows = explainRoutes(caller, model, labels, () => conditionFacts(context));
  const told = nearestRoutes(rows, model, all ? undefined : mostRoutes);
  return {
    routes: told.map(({ route: { name }, chosen, reason }) => ({ name, chosen, reason })),
    omittedRoutes: rows.length - told.length,
  };
}

function contextOf(
  parts: PipelineParts,
  snapshot: Snapshot | undefined,
  asked: ExplainRequestRequest,
): RequestContext {
  if (snapshot === undefined) {
    throw new GatewayError("NOT_READY", "The router has no configuration yet.");
  }
  const caller = snapshot.callers.get(asked.virtualKey);
  if (caller === undefined) {
    throw new GatewayError("RESOURCE_NOT_FOUND", `There is no ${asked.virtualKey || "such key"}.`, {
      fieldViolations: [{ field: "virtual_key", description: "names no virtual key" }],
      resource: { type: "virtualKeys", name: asked.virtualKey },
    });
  }
  const { embedRequest } = asked;
  if (embedRequest !== undefined && asked.request !== undefined) {
    throw invalid("embed_request", "must not be set beside request");
  }
  const request = embedRequest
    ? headOfVectors(embedRequest)
    : (asked.request ?? create(GenerateRequestSchema));
  if (request.model === "") {
    throw invalid(`${embedRequest ? "embed_request" : "request"}.model`, "is required");
  }
  const context = new RequestContext(
    {
      requestId: "",
      door: Door.UNSPECIFIED,
      token: "",
      snapshot,
      parent: undefined,
      startMonotonicMs: parts.clock.monotonicMs(),
      startWallMs: parts.clock.wallMs(),
      timeoutMs: 900_000,
    },
    parts.tracer.newContext(),
    silentDownstream,
  );
  context.caller = caller;
  context.principal = caller.principal;
  context.request = request;
  if (embedRequest === undefined) {
    context.stream = asked.stream;
    context.requestBytes = bodySize(request);
    return context;
  }
  context.operation = "embed";
  context.vectors = embedRequest;
  context.requestBytes = toBinary(EmbedRequestSchema, embedRequest).length;
  return context;
}

/** As most callers would write it, so that it is estimated as theirs is. */
function bodySize(request: GenerateRequest): number {
  const inBinary = toBinary(GenerateRequestSchema, request).length;
  // Media are not written as text here, and formats can't express everything.
  if (mediaOf({ request, callerFormat: undefined }) !== undefined) return inBinary;
  try {
    const { model } = request;
    const text = formats["openai-chat"].writeRequest(request, { model, stream: false, quirks });
    return Buffer.byteLength(text);
  } catch (error) {
    if (error instanceof GatewayError) return inBinary;
    throw error;
  }
}

const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
};

function invalid(field: string, description: string): GatewayError {
  return new GatewayError("FIELD_INVALID", `The field ${field} ${description}.`, {
    fieldViolations: [{ field, description }],
  });
}

function explainQuotas(context: RequestContext, parts: PipelineParts): Consideration[] {
  return context.quotaUses.map((use) => {
    const what = `${describeAmount(use.quota)} ${describeScope(use.quota)}`;
    const room = parts.leases.estimateRoom(use);
    if (room === undefined) {
      return { name: use.quota.name, chosen: true, reason: `${what}; the quota service decides` };
    }
    const enough = room >= use.amount;
    const [needed, held] = [use.amount, room].map((part) => {
      return describeQuantity(use.quota, BigInt(Math.trunc(part)));
    });
    const reason = `${what}; needs ${needed}, this router holds ${held}`;
    return { name: use.quota.name, chosen: enough, reason };
  });
}

function explainTargets(
  context: RequestContext,
  parts: PipelineParts,
  made: { readonly answer: ExplainRequestResponse; readonly quotas: readonly Consideration[] },
): ExplainRequestResponse {
  const { answer } = made;
  const plan = planForContext(context, parts);
  const notes = describeOrder(context, parts);
  const hedge = describeHedge(context, plan, parts);
  const describeTarget = (target: CompiledTarget, at: number): string => {
    const { model, provider, format } = target.deployment;
    const place = `${ordinals[at] ?? `${at + 1}th`}: ${model} at ${provider.name}`;
    // No header passes between callers and targets where vectors are asked for.
    const headers = context.vectors === undefined ? describeHeaders(format) : [];
    const words = [place, ...notes(target), ...headers];
    return (hedge?.target === target ? [...words, hedge.words] : words).join("; ");
  };
  const targets: Consideration[] = plan.targets.map((target, at) => ({
    name: target.deployment.name,
    chosen: true,
    reason: describeTarget(target, at),
  }));
  for (const { target, rule, reason, detail = reason } of plan.skipped) {
    targets.push({ name: target.deployment.name, chosen: false, reason: `${detail} [${rule}]` });
  }
  answer.targets = create(ExplainRequestResponseSchema, { targets }).targets;
  const counting = countPlanOf(plan, parts);
  if (counting !== undefined) {
    answer.counting = create(ConsiderationSchema, describeCounting(counting));
  }
  const [first] = plan.targets;
  if (first === undefined) {
    return refused(answer, noTargetError(context, plan, parts.clock));
  }
  const short = made.quotas.filter((quota) => !quota.chosen).map((quota) => quota.name);
  const asks =
    short.length === 0 ? "" : ` after asking the quota service about ${short.join(", ")}`;
  answer.verdict = `${context.route?.name} would send it to ${first.deployment.name} first${asks}.`;
  return answer;
}

/** Who would count the tokens of the input for CountTokens. */
function describeCounting({ first, targets, why }: CountPlan): Consideration {
  const [asked] = targets;
  if (asked === undefined) {
    const name = first.deployment.name;
    return { name, chosen: false, reason: `CountTokens would estimate: ${why.detail}` };
  }
  const { name, provider, counting } = asked.deployment;
  const reason = `CountTokens would ask ${provider.name} at ${counting?.path ?? ""}`;
  return { name, chosen: true, reason };
}

const ordinals = ["first", "second", "third"];

function refused(answer: ExplainRequestResponse, error: GatewayError): ExplainRequestResponse {
  answer.refusalReason = error.reason;
  answer.verdict = `It would be refused: ${error.message}`;
  return answer;
}
