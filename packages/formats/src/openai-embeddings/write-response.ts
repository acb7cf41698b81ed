import { VectorEncoding, type TokenUsage } from "@penstock/api";
import type { VectorAnswer } from "../embedding-format.ts";
import type { AnswerIdentity } from "../format.ts";
import { vectorBytes, vectorValues } from "../vector-encoding.ts";

/** Writes vectors for a caller; the model is the one that it asked for. */
export function writeResponse(
  answer: VectorAnswer,
  identity: Pick<AnswerIdentity, "model">,
  encoding: VectorEncoding,
  usage: TokenUsage,
): string {
  const tokens = Number(usage.inputTokens ?? 0n);
  return JSON.stringify({
    object: "list",
    data: answer.embeddings.map((embedding) => ({
      object: "embedding",
      index: embedding.index,
      embedding:
        encoding === VectorEncoding.BYTES
          ? vectorBytes(embedding).toBase64()
          : vectorValues(embedding),
    })),
    model: identity.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    penstock: answer.end.report,
  });
}
