import { FinishReason, type CandidateFinish } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { failureToError } from "../failure-to-error.ts";
import { redactMessage } from "../redact.ts";
import type { FailureClass } from "../upstream-failure.ts";

/** Why an answer ended, from `finishReason`; the rest of the vocabulary is OTHER. */
const reasons = new Map<string, FinishReason>([
  ["STOP", FinishReason.STOP],
  ["MAX_TOKENS", FinishReason.LENGTH],
  ["SAFETY", FinishReason.CONTENT_FILTER],
  ["RECITATION", FinishReason.CONTENT_FILTER],
  ["LANGUAGE", FinishReason.CONTENT_FILTER],
  ["BLOCKLIST", FinishReason.CONTENT_FILTER],
  ["PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER],
  ["SPII", FinishReason.CONTENT_FILTER],
  ["MODEL_ARMOR", FinishReason.CONTENT_FILTER],
  ["IMAGE_SAFETY", FinishReason.CONTENT_FILTER],
  ["IMAGE_PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER],
  ["IMAGE_RECITATION", FinishReason.CONTENT_FILTER],
]);

/** Ends by which the API tells that the answer failed; another try may do better. */
const failures = new Map<string, FailureClass>([
  ["MALFORMED_FUNCTION_CALL", "UPSTREAM_ERROR"],
  ["UNEXPECTED_TOOL_CALL", "UPSTREAM_ERROR"],
  ["TOO_MANY_TOOL_CALLS", "UPSTREAM_ERROR"],
  ["MALFORMED_RESPONSE", "UPSTREAM_ERROR"],
  ["MISSING_THOUGHT_SIGNATURE", "BAD_REQUEST"],
]);

/** The error that an end means; undefined when it is the end of an answer. */
export function failedFinish(raw: string, message: unknown): GatewayError | undefined {
  const failureClass = failures.get(raw);
  if (failureClass === undefined) return undefined;
  return failureToError({
    class: failureClass,
    providerCode: raw,
    providerType: "",
    message: typeof message === "string" ? redactMessage(message) : "",
  });
}

/** How a candidate ended. The API says STOP also of an answer that asks for functions. */
export function newFinish(candidate: number, raw: string, calls: boolean): CandidateFinish {
  const read = raw === "" ? FinishReason.UNSPECIFIED : (reasons.get(raw) ?? FinishReason.OTHER);
  return {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate,
    reason: read === FinishReason.STOP && calls ? FinishReason.TOOL_CALLS : read,
    rawReason: raw,
  };
}

/** The `finishReason` for a caller. */
export function writeFinishReason(reason: FinishReason): string {
  switch (reason) {
    case FinishReason.LENGTH:
      return "MAX_TOKENS";
    case FinishReason.CONTENT_FILTER:
      return "SAFETY";
    case FinishReason.OTHER:
      return "OTHER";
    default:
      return "STOP";
  }
}

/** What an answer that thinking has used up tells its caller. */
export const thoughtItAway =
  "output_spent_on_reasoning: the limit of output tokens was reached before any text";
