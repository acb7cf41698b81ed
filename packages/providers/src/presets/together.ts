import { preset, usualEmbeddings } from "./preset.ts";

/** Together AI. */
export const together = preset({
  kind: "together",
  displayName: "Together AI",
  telemetryName: "together_ai",
  defaultBaseUrl: "https://api.together.xyz/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://docs.together.ai/reference/chat-completions-1",
      "https://docs.together.ai/docs/rate-limits",
      "https://docs.together.ai/docs/error-codes",
    ],
  },
  embed: usualEmbeddings,
  rateLimits: {
    requests: {
      limit: "x-ratelimit-limit",
      remaining: "x-ratelimit-remaining",
      reset: "x-ratelimit-reset",
    },
    tokens: { limit: "x-tokenlimit-limit", remaining: "x-tokenlimit-remaining" },
  },
  priceNotes: ["Limits move with the load: 429 above them, 503 for want of capacity below."],
});
