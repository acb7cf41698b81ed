import { FinishReason } from "@penstock/api";

/** Why an answer ended, from `finish_reason`; what is not in the vocabulary is OTHER. */
export function readFinishReason(raw: string): FinishReason {
  switch (raw) {
    case "stop":
    // Words of servers that pass on why their model stopped by itself (Together, TGI).
    case "end_turn":
    case "eos":
    case "eos_token":
    case "stop_sequence":
      return FinishReason.STOP;
    case "length":
    // Of Mistral, where the context is full.
    case "model_length":
    case "max_tokens":
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

/**
 * Values of `finish_reason` by which servers tell that the answer failed: vLLM, OpenRouter and
 * Mistral, and DeepSeek where it ran out of room amid the answer
 * (api-docs.deepseek.com/api/create-chat-completion).
 */
export function isFailedFinish(raw: string): boolean {
  return raw === "abort" || raw === "error" || raw === "insufficient_system_resource";
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
