import { FinishReason, type CandidateFinish } from "@penstock/api";
import { knowsStopReason } from "./anthropic-messages/stop-reason.ts";
import type { FormatName } from "./format.ts";

/** How each format says an end that it has no word for; undefined: it says that of the provider. */
const nearest: Readonly<Record<FormatName, string | undefined>> = {
  "openai-chat": "stop",
  // As the reason for which an answer is incomplete.
  "openai-responses": undefined,
  "anthropic-messages": "end_turn",
  "bedrock-converse": "end_turn",
  "google-generate-content": undefined,
};

/**
 * What a caller of a format should know of how an answer ended: that its format has no word for it
 * and says the one for a natural end, where the provider said another, such as `pause_turn`, with
 * which a turn of Anthropic's goes on. Undefined where the word is right.
 */
export function finishWarning(
  format: FormatName,
  { reason, rawReason }: Pick<CandidateFinish, "reason" | "rawReason">,
): string | undefined {
  const word = nearest[format];
  if (reason !== FinishReason.OTHER || word === undefined) return undefined;
  if (format === "anthropic-messages" && knowsStopReason(rawReason)) return undefined;
  return `finish_reason_approximated: ${rawReason.slice(0, 64) || "other"} is said as ${word}`;
}
