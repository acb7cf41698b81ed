import { preset, usualEmbeddings } from "./preset.ts";

/** Ollama, by its OpenAI-compatible API. */
export const ollama = preset({
  kind: "ollama",
  displayName: "Ollama",
  telemetryName: "ollama",
  defaultBaseUrl: "http://127.0.0.1:11434/v1",
  verification: {
    how: "fixture from documentation",
    sources: ["https://docs.ollama.com/api/openai-compatibility", "https://docs.ollama.com/faq"],
  },
  needsCredential: false,
  embed: usualEmbeddings,
  capabilities: { multipleCandidates: false },
  priceNotes: ["A model that is not loaded takes minutes: give its deployments a long firstToken."],
});
