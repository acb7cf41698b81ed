import { openaiRateLimits } from "../rate-limit-headers.ts";
import { preset } from "./preset.ts";

/** Groq. Its streams tell usage in `x_groq`, also where the usual field is asked for. */
export const groq = preset({
  kind: "groq",
  displayName: "Groq",
  telemetryName: "groq",
  defaultBaseUrl: "https://api.groq.com/openai/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://console.groq.com/docs/api-reference",
      "https://console.groq.com/docs/rate-limits",
      "https://console.groq.com/docs/errors",
      "https://console.groq.com/docs/openai",
    ],
  },
  // A field of earlier reasoning is refused, as every field is that it does not know.
  quirks: {
    maxTokensField: "max_completion_tokens",
    sendsReasoning: false,
    refusesUnknownFields: true,
  },
  capabilities: { multipleCandidates: false, logprobs: false, topK: false },
  rateLimits: openaiRateLimits,
  priceNotes: [
    "Its limits are those of the organisation: more keys do not raise them.",
    "Requests are limited per day, tokens per minute; cached tokens count towards no limit.",
  ],
});
