import type { Provider } from "../provider.ts";
import { failureRules } from "./failure-rules.ts";

/**
 * Any server that speaks OpenAI's Chat Completions API: vLLM, SGLang, llama.cpp, Ollama, and many
 * hosted vendors. They know the older words: `max_tokens`, and `system` instead of `developer`.
 */
export const openaiCompatible: Provider = {
  kind: "openai-compatible",
  displayName: "OpenAI-compatible server",
  telemetryName: "openai_compatible",
  defaultBaseUrl: undefined,
  exampleBaseUrl: "https://vllm.example.com/v1",
  operations: {
    generate: [
      { format: "openai-chat", path: "/chat/completions" },
      {
        format: "openai-responses",
        path: "/responses",
        capabilities: { multipleCandidates: false },
      },
    ],
    embed: {
      format: "openai-embeddings",
      path: "/embeddings",
      quirks: { sendsBase64: false, knowsUser: true },
    },
  },
  auth: { scheme: "bearer", required: false },
  headers: {},
  quirks: {
    maxTokensField: "max_tokens",
    sendsDeveloperRole: false,
    supportsStreamUsage: true,
    sendsReasoning: true,
  },
  // What such a server reads depends on the model that it serves: the deployment says.
  capabilities: { streaming: true, tools: true },
  failureRules,
  verification: { how: "simulated", sources: [] },
  priceNotes: ["Usage comes from the server and is taken as it is, if it is believable."],
};
