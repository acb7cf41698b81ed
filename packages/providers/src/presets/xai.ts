import { preset } from "./preset.ts";

/** xAI. A bad key is answered with 400, as a request at fault is. */
export const xai = preset({
  kind: "xai",
  displayName: "xAI",
  telemetryName: "x_ai",
  defaultBaseUrl: "https://api.x.ai/v1",
  verification: {
    how: "fixture from documentation",
    sources: [
      "https://docs.x.ai/docs/api-reference",
      "https://docs.x.ai/docs/key-information/debugging",
    ],
  },
  quirks: { maxTokensField: "max_completion_tokens", sendsReasoning: false },
  capabilities: { images: true },
  priceNotes: ["Reasoning is counted beside the completion; the whole output is their sum."],
});
