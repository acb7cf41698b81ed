import { openaiCompatible } from "../openai-compatible/openai-compatible.ts";
import type { Capabilities, EmbeddingAddress, Provider } from "../provider.ts";
import type { FormatQuirks } from "@penstock/formats";

/** In what a vendor differs from any server that speaks OpenAI's chat format. */
export interface PresetFacts extends Pick<
  Provider,
  | "kind"
  | "displayName"
  | "telemetryName"
  | "defaultBaseUrl"
  | "verification"
  | "rateLimits"
  | "priceNotes"
> {
  /** True: a call without a credential makes no sense. Absent: true. */
  readonly needsCredential?: boolean;
  /** Absent: it makes no vectors. */
  readonly embed?: EmbeddingAddress;
  readonly quirks?: Partial<FormatQuirks>;
  readonly capabilities?: Partial<Capabilities>;
}

/** How most servers are asked for vectors. */
export const usualEmbeddings: EmbeddingAddress = {
  format: "openai-embeddings",
  path: "/embeddings",
  quirks: { sendsBase64: false, knowsUser: true },
};

/** A kind of provider that is an OpenAI-compatible server of which more is known. */
export function preset(facts: PresetFacts): Provider {
  const { needsCredential = true, embed, quirks, capabilities, ...known } = facts;
  return {
    ...openaiCompatible,
    ...known,
    presetOf: "openai-compatible",
    operations: {
      generate: openaiCompatible.operations.generate,
      ...(embed === undefined ? {} : { embed }),
    },
    auth: { scheme: "bearer", required: needsCredential },
    quirks: { ...openaiCompatible.quirks, ...quirks },
    capabilities: { ...openaiCompatible.capabilities, ...capabilities },
  };
}
