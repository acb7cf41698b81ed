import { awsBedrock } from "./aws-bedrock/aws-bedrock.ts";
import { azureOpenai } from "./azure-openai/azure-openai.ts";
import { googleGemini } from "./google-gemini/google-gemini.ts";
import { googleVertex } from "./google-vertex/google-vertex.ts";
import { anthropic } from "./anthropic/anthropic.ts";
import { openaiCompatible } from "./openai-compatible/openai-compatible.ts";
import { openai } from "./openai/openai.ts";
import { deepseek } from "./presets/deepseek.ts";
import { fireworks } from "./presets/fireworks.ts";
import { groq } from "./presets/groq.ts";
import { llamaCpp } from "./presets/llama-cpp.ts";
import { mistral } from "./presets/mistral.ts";
import { ollama } from "./presets/ollama.ts";
import { openrouter } from "./presets/openrouter.ts";
import { sglang } from "./presets/sglang.ts";
import { together } from "./presets/together.ts";
import { vllm } from "./presets/vllm.ts";
import { xai } from "./presets/xai.ts";
import type { Provider, ProviderKind } from "./provider.ts";

/** Every provider by its kind; the only list of them. */
export const providers: Readonly<Record<ProviderKind, Provider>> = {
  "google-gemini": googleGemini,
  "google-vertex": googleVertex,
  anthropic,
  openai,
  "openai-compatible": openaiCompatible,
  "aws-bedrock": awsBedrock,
  "azure-openai": azureOpenai,
  deepseek,
  fireworks,
  groq,
  "llama-cpp": llamaCpp,
  mistral,
  ollama,
  openrouter,
  sglang,
  together,
  vllm,
  xai,
};

/** The provider of a kind that came as text; undefined when there is none. */
export function findProvider(kind: string): Provider | undefined {
  return Object.hasOwn(providers, kind) ? providers[kind as ProviderKind] : undefined;
}
