import type { GenerateRequest } from "@penstock/api";

/**
 * Parameters in the words of formats that bear on nothing but the answer. `store` is one unless it
 * is true: https://platform.openai.com/docs/api-reference/responses/create, and the same page of
 * chat completions; https://docs.claude.com/en/api/messages; https://ai.google.dev/api/generate-content
 * (`safetySettings`, `generationConfig`); the sampling parameters that vLLM adds
 * (https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html).
 */
const harmless: ReadonlySet<string> = new Set([
  "chat_template_kwargs",
  "contents",
  "generationConfig",
  "include",
  "input",
  "logit_bias",
  "messages",
  "metadata",
  "min_p",
  "min_tokens",
  "modalities",
  "output_config",
  "prediction",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning",
  "repetition_penalty",
  "safetySettings",
  "safety_identifier",
  "stop_token_ids",
  "store",
  "stream_options",
  "system",
  "text",
  "thinking",
  "tool_choice",
  "tools",
  "top_logprobs",
  "truncation",
  "verbosity",
]);

/**
 * Why asking two providers the same may do more than cost twice, as the end of a sentence that
 * begins with "the request"; undefined: it may not. A tool that only its format has words for may be
 * one that the provider runs, which acts when it is asked; an answer that is stored stays; and of a
 * parameter that is not known here nobody can say. Functions of the caller are only named by an
 * answer; who gets the answer calls them.
 */
export function sideEffectOf(
  request: Pick<GenerateRequest, "tools" | "formatParameters">,
): string | undefined {
  for (const { name, formatPart } of request.tools) {
    if (formatPart !== undefined) return `has a tool that its provider may run (${name})`;
  }
  for (const format of Object.keys(request.formatParameters)) {
    const parameters = request.formatParameters[format] ?? {};
    for (const name of Object.keys(parameters)) {
      if (!harmless.has(name)) return `has a parameter of unknown effect (${name})`;
      if (name === "store" && parameters[name] !== false) return "has its answer stored";
    }
  }
  return undefined;
}
