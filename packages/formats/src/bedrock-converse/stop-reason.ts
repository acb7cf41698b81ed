import { FinishReason } from "@penstock/api";

/** Why an answer ended, from `stopReason`; what is not in the vocabulary is OTHER. */
export function readStopReason(raw: string): FinishReason {
  switch (raw) {
    case "end_turn":
    case "stop_sequence":
      return FinishReason.STOP;
    case "max_tokens":
    case "model_context_window_exceeded":
      return FinishReason.LENGTH;
    case "tool_use":
      return FinishReason.TOOL_CALLS;
    case "content_filtered":
    case "guardrail_intervened":
    case "refusal":
      return FinishReason.CONTENT_FILTER;
    default:
      return raw === "" ? FinishReason.UNSPECIFIED : FinishReason.OTHER;
  }
}

/** Values of `stopReason` by which the answer itself is of no use. */
export function isFailedStop(raw: string): boolean {
  return raw === "malformed_model_output" || raw === "malformed_tool_use";
}

/** The `stopReason` for a caller, who expects a value of the documented vocabulary. */
export function writeStopReason(reason: FinishReason): string {
  switch (reason) {
    case FinishReason.LENGTH:
      return "max_tokens";
    case FinishReason.TOOL_CALLS:
      return "tool_use";
    case FinishReason.CONTENT_FILTER:
      return "content_filtered";
    default:
      return "end_turn";
  }
}
