import { preset, usualEmbeddings } from "./preset.ts";

/** Fireworks AI. */
export const fireworks = preset({
  kind: "fireworks",
  displayName: "Fireworks AI",
  telemetryName: "fireworks_ai",
  defaultBaseUrl: "https://api.fireworks.ai/inference/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://docs.fireworks.ai/api-reference/post-chatcompletions",
      "https://docs.fireworks.ai/guides/inference-error-codes",
      "https://docs.fireworks.ai/guides/quotas_usage/rate-limits",
    ],
  },
  embed: usualEmbeddings,
  rateLimits: {
    requests: {
      limit: "x-ratelimit-limit-requests",
      remaining: "x-ratelimit-remaining-requests",
    },
    tokens: {
      limit: "x-ratelimit-limit-tokens-prompt",
      remaining: "x-ratelimit-remaining-tokens-prompt",
    },
  },
  priceNotes: ["412 means that the account is suspended, as a rule for an unpaid bill."],
});
