import { preset, usualEmbeddings } from "./preset.ts";

/** SGLang. */
export const sglang = preset({
  kind: "sglang",
  displayName: "SGLang",
  telemetryName: "sglang",
  defaultBaseUrl: "http://127.0.0.1:30000/v1",
  verification: {
    how: "fixture from documentation",
    sources: ["https://docs.sglang.ai/basic_usage/openai_api.html"],
  },
  needsCredential: false,
  embed: usualEmbeddings,
  priceNotes: ["A full queue is 503, in streams as an error inside of status 200."],
});
