import { preset, usualEmbeddings } from "./preset.ts";

/** vLLM. Errors may come inside streams of status 200, and a stopped engine ends with `abort`. */
export const vllm = preset({
  kind: "vllm",
  displayName: "vLLM",
  telemetryName: "vllm",
  defaultBaseUrl: "http://127.0.0.1:8000/v1",
  verification: {
    how: "fixture from documentation",
    sources: ["https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"],
  },
  needsCredential: false,
  embed: { ...usualEmbeddings, quirks: { sendsBase64: true, knowsUser: true } },
  priceNotes: ["Usage may be cumulative on every chunk; the last one counts."],
});
