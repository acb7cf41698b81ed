import { preset } from "./preset.ts";

/** DeepSeek. Keeps waiting requests alive with blank lines, and streams with comments. */
export const deepseek = preset({
  kind: "deepseek",
  displayName: "DeepSeek",
  telemetryName: "deepseek",
  defaultBaseUrl: "https://api.deepseek.com/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://api-docs.deepseek.com/api/create-chat-completion",
      "https://api-docs.deepseek.com/quick_start/rate_limit",
      "https://api-docs.deepseek.com/quick_start/error_codes",
    ],
  },
  capabilities: { jsonSchema: false, multipleCandidates: false },
  priceNotes: [
    "Input that its cache had is told as prompt_cache_hit_tokens and has its own price.",
    "Limits are of concurrency; while a request waits it sends blank lines or comments.",
  ],
});
