import { preset, usualEmbeddings } from "./preset.ts";

/** llama.cpp's server. */
export const llamaCpp = preset({
  kind: "llama-cpp",
  displayName: "llama.cpp",
  telemetryName: "llama_cpp",
  defaultBaseUrl: "http://127.0.0.1:8080/v1",
  verification: {
    how: "fixture from documentation",
    sources: ["https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"],
  },
  needsCredential: false,
  embed: usualEmbeddings,
  capabilities: { multipleCandidates: false },
  priceNotes: ["503 while the model is being loaded; timings stand beside usage."],
});
