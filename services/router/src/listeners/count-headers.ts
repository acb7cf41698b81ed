import { UsageSource } from "@penstock/api";
import type { CountTokensResponse } from "@penstock/api";
import { countingFormats } from "@penstock/formats";
import type { CountingFormat } from "@penstock/formats";
import { countEstimateReasonName } from "../pipeline/count-answer.ts";
import { headerValue } from "./answer-headers.ts";

/** What headers tell of a count, flat: who counted, or that it is an estimate and why. */
export function countHeaders(count: CountTokensResponse): string[] {
  const headers = ["x-penstock-token-source", sourceOf(count)];
  if (count.source === UsageSource.REPORTED) {
    headers.push("x-penstock-provider", count.provider, "x-penstock-deployment", count.deployment);
    headers.push("x-penstock-model", headerValue(count.model));
    return headers;
  }
  headers.push("x-penstock-token-estimate-reason", countEstimateReasonName(count.estimateReason));
  headers.push("x-penstock-token-estimate-detail", headerValue(count.estimateDetail));
  return headers;
}

/** The body of a count, with what the headers tell in a member of our own. */
export function writeCount(
  count: CountTokensResponse,
  format: CountingFormat = countingFormats["anthropic-count-tokens"],
): string {
  const { deployment, provider, estimateReason, estimateDetail } = count;
  const estimated = count.source === UsageSource.ESTIMATED;
  return JSON.stringify({
    ...format.writeResponse(Number(count.inputTokens)),
    penstock: {
      source: sourceOf(count),
      deployment,
      provider,
      ...(estimated
        ? { reason: countEstimateReasonName(estimateReason), detail: estimateDetail }
        : {}),
    },
  });
}

function sourceOf({ source }: CountTokensResponse): "reported" | "estimated" {
  return source === UsageSource.REPORTED ? "reported" : "estimated";
}
