import { CountEstimateReason, CountEstimateReasonSchema, UsageSource } from "@penstock/api";
import type { CountTokensResponse } from "@penstock/api";
import type { CompiledTarget } from "@penstock/snapshot";
import type { RequestContext } from "./request-context.ts";

/** Bound of `estimate_detail`. Unit: characters. */
const longestDetail = 512;

const reasonPrefix = "COUNT_ESTIMATE_REASON_";

/** A reason in the words of its enum, such as `not_offered`. */
export function countEstimateReasonName(reason: CountEstimateReason): string {
  const name = CountEstimateReasonSchema.values.find(({ number }) => number === reason)?.name ?? "";
  return name.slice(reasonPrefix.length).toLowerCase();
}

/** Why there is no count of a provider. */
export interface WhyEstimated {
  readonly reason: CountEstimateReason;
  /** One sentence, or several with semicolons. */
  readonly detail: string;
}

/** The count of a target's provider. */
export function reportedCount(
  context: RequestContext,
  target: CompiledTarget,
  inputTokens: bigint,
): CountTokensResponse {
  const reason = CountEstimateReason.UNSPECIFIED;
  const known = { inputTokens, source: UsageSource.REPORTED, detail: "", reason };
  return countOf(context, target, known);
}

/** The estimate by which a request is reserved, for the target that would be asked first. */
export function estimatedCount(
  context: RequestContext,
  first: CompiledTarget,
  { reason, detail }: WhyEstimated,
): CountTokensResponse {
  const inputTokens = BigInt(context.estimate?.inputTokens ?? 0);
  return countOf(context, first, { inputTokens, source: UsageSource.ESTIMATED, detail, reason });
}

function countOf(
  { route }: RequestContext,
  { deployment }: CompiledTarget,
  known: WhyEstimated & { readonly inputTokens: bigint; readonly source: UsageSource },
): CountTokensResponse {
  return {
    $typeName: "penstock.inference.v1.CountTokensResponse",
    inputTokens: known.inputTokens,
    source: known.source,
    route: route?.name ?? "",
    deployment: deployment.name,
    provider: deployment.provider.name,
    model: deployment.model,
    estimateReason: known.reason,
    estimateDetail: known.detail.slice(0, longestDetail),
  };
}
