import type { ContentPart } from "@penstock/api";
import type { WholeAnswer } from "./downstream.ts";

/**
 * Bytes of what the model wrote of a whole answer: text, reasoning and calls of tools, as the pieces
 * of a stream are. What a format puts around them costs nothing; vectors are not written.
 */
export function contentBytes(answer: WholeAnswer): number {
  if ("embeddings" in answer) return 0;
  let bytes = 0;
  for (const { parts } of answer.candidates) {
    for (const part of parts) bytes += partBytes(part);
  }
  return bytes;
}

function partBytes({ part }: ContentPart): number {
  switch (part.case) {
    case "text":
    case "reasoning":
      return Buffer.byteLength(part.value.text);
    case "toolCall":
      return Buffer.byteLength(part.value.name) + Buffer.byteLength(part.value.argumentsJson);
    default:
      return 0;
  }
}
