import { preset, usualEmbeddings } from "./preset.ts";

/** Mistral. Strict about fields, and its 422 lists what is wrong under `detail`. */
export const mistral = preset({
  kind: "mistral",
  displayName: "Mistral",
  telemetryName: "mistral_ai",
  defaultBaseUrl: "https://api.mistral.ai/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://docs.mistral.ai/api/",
      "https://docs.mistral.ai/deployment/laplateforme/tier/",
    ],
  },
  embed: { ...usualEmbeddings, quirks: { sendsBase64: false, knowsUser: false } },
  // What it does not know is refused with 422; usage comes in the last chunk without being asked for.
  quirks: {
    supportsStreamUsage: false,
    sendsReasoning: false,
    omitsUser: true,
    refusesUnknownFields: true,
    seedField: "random_seed",
    // Ids of other providers' calls, as in a conversation that comes from one, are refused with 400.
    shortToolIds: true,
  },
  capabilities: { logprobs: false, topK: false },
  rateLimits: {
    requests: {
      limit: "x-ratelimit-limit-req-minute",
      remaining: "x-ratelimit-remaining-req-minute",
    },
    tokens: {
      limit: "x-ratelimit-limit-tokens-minute",
      remaining: "x-ratelimit-remaining-tokens-minute",
    },
  },
  priceNotes: ["Requests are limited per second and tokens per minute, by workspace."],
});
