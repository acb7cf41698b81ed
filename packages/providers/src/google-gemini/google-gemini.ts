import type { Provider } from "../provider.ts";

/** The Gemini API of Google AI Studio, with a key. */
export const googleGemini: Provider = {
  kind: "google-gemini",
  displayName: "Google Gemini API",
  telemetryName: "gcp.gemini",
  defaultBaseUrl: "https://generativelanguage.googleapis.com/v1beta",
  operations: {
    generate: [
      {
        format: "google-generate-content",
        path: "/models/{model}:generateContent",
        streamPath: "/models/{model}:streamGenerateContent?alt=sse",
        count: { format: "gemini-count-tokens", path: "/models/{model}:countTokens" },
      },
    ],
  },
  auth: { scheme: "header", name: "x-goog-api-key", required: true },
  headers: {},
  quirks: {
    // Those of OpenAI's format mean nothing here.
    maxTokensField: "max_tokens",
    sendsDeveloperRole: false,
    supportsStreamUsage: true,
    sendsReasoning: true,
  },
  capabilities: {
    streaming: true,
    tools: true,
    images: true,
    audioInput: true,
    files: true,
    jsonSchema: true,
    multipleCandidates: true,
  },
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://ai.google.dev/api/generate-content",
      "https://ai.google.dev/gemini-api/docs/thought-signatures",
      "https://ai.google.dev/gemini-api/docs/function-calling",
      "https://ai.google.dev/gemini-api/docs/troubleshooting",
      "https://ai.google.dev/api/tokens",
    ],
  },
  priceNotes: [
    "Thoughts are part of the output and cost the same.",
    "Cached input has its own price; the count is part of the input.",
    "Prompts above 200,000 tokens cost more for some models, as do tiers of service: variants.",
    "Audio and images have prices of their own for some models; both are part of input and output.",
    "Grounding in a search costs by the request.",
  ],
};
