import { preset, usualEmbeddings } from "./preset.ts";

/** OpenRouter. Errors come inside streams of status 200, beside a finish reason `error`. */
export const openrouter = preset({
  kind: "openrouter",
  displayName: "OpenRouter",
  telemetryName: "openrouter",
  defaultBaseUrl: "https://openrouter.ai/api/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://openrouter.ai/docs/api-reference/overview",
      "https://openrouter.ai/docs/api-reference/errors",
      "https://openrouter.ai/docs/api-reference/streaming",
      "https://openrouter.ai/docs/features/prompt-caching",
    ],
  },
  embed: usualEmbeddings,
  // Models of Anthropic and others behind it cache only what is marked.
  quirks: { sendsCacheMarkers: true },
  capabilities: { images: true, files: true },
  rateLimits: {
    requests: { limit: "x-ratelimit-limit", remaining: "x-ratelimit-remaining" },
  },
  priceNotes: ["It names its own cost in usage.cost; prices of a book win, as everywhere."],
});
