import { FinishReason } from "@penstock/api";

/** Why an answer ended, from `finish_reason`; what is not in the vocabulary is OTHER. */
export function readFinishReason(raw: string): FinishReason {
  switch (raw) {
    case "stop":
      return FinishReason.STOP;
    case "length":
      return FinishReason.LENGTH;
    case "tool_calls":
    case "function_call":
      return FinishReason.TOOL_CALLS;
    case "content_filter":
      return FinishReason.CONTENT_FILTER;
    default:
      return raw === "" ? FinishReason.UNSPECIFIED : FinishReason.OTHER;
  }
}

/** Values of `finish_reason` by which servers tell that the answer failed (vLLM, OpenRouter). */
export function isFailedFinish(raw: string): boolean {
  return raw === "abort" || raw === "error";
}

/** The `finish_reason` for a caller, who expects a value of the documented vocabulary. */
export function writeFinishReason(reason: FinishReason): string {
  switch (reason) {
    case FinishReason.LENGTH:
      return "length";
    case FinishReason.TOOL_CALLS:
      return "tool_calls";
    case FinishReason.CONTENT_FILTER:
      return "content_filter";
    default:
      return "stop";
  }
}
