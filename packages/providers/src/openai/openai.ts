import { openaiRateLimits } from "../rate-limit-headers.ts";
import type { Provider } from "../provider.ts";

/** OpenAI's own API. */
export const openai: Provider = {
  kind: "openai",
  displayName: "OpenAI",
  telemetryName: "openai",
  defaultBaseUrl: "https://api.openai.com/v1",
  operations: {
    generate: [
      { format: "openai-chat", path: "/chat/completions" },
      {
        format: "openai-responses",
        path: "/responses",
        capabilities: { multipleCandidates: false, audioInput: false },
        count: { format: "openai-input-tokens", path: "/responses/input_tokens" },
      },
    ],
    embed: {
      format: "openai-embeddings",
      path: "/embeddings",
      quirks: { sendsBase64: true, knowsUser: true },
    },
  },
  auth: { scheme: "bearer", required: true },
  headers: {},
  quirks: {
    maxTokensField: "max_completion_tokens",
    sendsDeveloperRole: true,
    supportsStreamUsage: true,
    sendsReasoning: false,
  },
  capabilities: {
    streaming: true,
    tools: true,
    images: true,
    audioInput: true,
    files: true,
    jsonSchema: true,
    multipleCandidates: true,
    topK: false,
  },
  rateLimits: openaiRateLimits,
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://platform.openai.com/docs/api-reference/chat",
      "https://platform.openai.com/docs/api-reference/embeddings",
    ],
  },
  priceNotes: [
    "Cached input has its own price; the count is part of the input.",
    "Reasoning is part of the output and costs the same.",
    "The field service_tier changes the price of a request, as do inputs above a size: variants.",
  ],
};
