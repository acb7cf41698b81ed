import type { TokenUsage } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { readUsage as readChatUsage, type ReadUsage } from "../openai-chat/usage.ts";

/**
 * Reads a usage object. It says what that of the Chat Completions API says with other names, so
 * that the same rules decide what is believed; warnings name the fields by those names.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) return readChatUsage(value);
  const read = readChatUsage({
    prompt_tokens: value["input_tokens"],
    completion_tokens: value["output_tokens"],
    total_tokens: value["total_tokens"],
    prompt_tokens_details: value["input_tokens_details"],
    completion_tokens_details: value["output_tokens_details"],
  });
  return { ...read, raw: read.raw === undefined ? undefined : (value as ReadUsage["raw"]) };
}

/** Writes usage for a caller; counts that are not known are told as zero, as all are required. */
export function writeUsage(usage: TokenUsage): Record<string, unknown> {
  const input = Number(usage.inputTokens ?? 0n);
  const output = Number(usage.outputTokens ?? 0n);
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: Number(usage.cacheReadInputTokens ?? 0n),
      cache_write_tokens: Number(usage.cacheWriteInputTokens ?? 0n),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: Number(usage.reasoningOutputTokens ?? 0n) },
    total_tokens: input + output,
  };
}
