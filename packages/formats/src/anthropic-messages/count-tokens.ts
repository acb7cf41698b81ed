import { onlyMembers, readCountedTokens } from "../counted-tokens.ts";
import type { CountingFormat } from "../counting-format.ts";
import { forwardRequest } from "./forward-request.ts";
import { formatName } from "./own-words.ts";
import { readCountRequest } from "./read-request.ts";
import { requestBody } from "./write-request.ts";

/**
 * What the endpoint takes, that of the betas included; anything else of a request it refuses
 * (platform.claude.com/docs/en/api/messages/count_tokens).
 */
const members = [
  "model",
  "system",
  "messages",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "cache_control",
  "context_management",
  "mcp_servers",
  "speed",
];

/** `POST /v1/messages/count_tokens`. Anthropic calls its counts an estimate that may be off by little. */
export const anthropicCountTokens: CountingFormat = {
  name: "anthropic-count-tokens",
  format: formatName,
  readRequest: readCountRequest,
  writeRequest: (request, target) =>
    JSON.stringify(onlyMembers(requestBody(request, target), members)),
  forwardRequest,
  readResponse: (body) => readCountedTokens(body, "input_tokens"),
  writeResponse: (inputTokens) => ({ input_tokens: inputTokens }),
};
