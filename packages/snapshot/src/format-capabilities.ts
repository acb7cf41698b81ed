import type { Capabilities } from "@penstock/api";

/**
 * What no target of a wire format can be told, as the format has no words for it. Goes before what a
 * kind, a provider or a deployment says. A format that is not here has words for everything.
 */
export const formatCapabilities: Readonly<Record<string, Partial<Capabilities>>> = {
  "openai-chat": {},
  "openai-responses": {
    multipleCandidates: false,
    seed: false,
    stopSequences: false,
    topK: false,
    penalties: false,
  },
  "anthropic-messages": {
    multipleCandidates: false,
    audioInput: false,
    logprobs: false,
    seed: false,
    penalties: false,
  },
  "bedrock-converse": {
    multipleCandidates: false,
    logprobs: false,
    seed: false,
    penalties: false,
  },
};
