import type { LimitHeaders, Provider } from "../provider.ts";

function limitHeaders(unit: string): LimitHeaders {
  const name = `anthropic-ratelimit-${unit}`;
  return { limit: `${name}-limit`, remaining: `${name}-remaining`, reset: `${name}-reset` };
}

/**
 * Anthropic's own API. The version of the API is the older one unless a caller of the same format
 * names another: the newer one refuses `temperature`, `top_p` and `top_k`, which callers of other
 * formats may send.
 */
export const anthropic: Provider = {
  kind: "anthropic",
  displayName: "Anthropic",
  telemetryName: "anthropic",
  defaultBaseUrl: "https://api.anthropic.com/v1",
  operations: {
    generate: [
      {
        format: "anthropic-messages",
        path: "/messages",
        count: { format: "anthropic-count-tokens", path: "/messages/count_tokens" },
      },
    ],
  },
  auth: { scheme: "header", name: "x-api-key", required: true },
  headers: { "anthropic-version": "2023-06-01" },
  quirks: {
    maxTokensField: "max_tokens",
    sendsDeveloperRole: false,
    supportsStreamUsage: true,
    sendsReasoning: false,
  },
  capabilities: {
    streaming: true,
    tools: true,
    images: true,
    audioInput: false,
    files: true,
    jsonSchema: true,
    multipleCandidates: false,
  },
  rateLimits: { requests: limitHeaders("requests"), tokens: limitHeaders("tokens") },
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://platform.claude.com/docs/en/api/messages",
      "https://platform.claude.com/docs/en/build-with-claude/streaming",
      "https://platform.claude.com/docs/en/api/errors",
      "https://platform.claude.com/docs/en/api/rate-limits",
      "https://platform.claude.com/docs/en/api/messages/count_tokens",
    ],
  },
  priceNotes: [
    "Reads of the prompt cache and writes to it have prices of their own; both are part of the input.",
    "Writes that are kept for an hour cost more than those kept for five minutes.",
    "Thinking is part of the output and costs the same.",
    "The fields service_tier and speed change the price of a request: variants; so does inference_geo.",
    "Tools that Anthropic runs, such as web search, cost by the use besides their tokens.",
  ],
};
