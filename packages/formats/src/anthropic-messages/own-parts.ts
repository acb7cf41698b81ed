import type { ContentPart } from "@penstock/api";
import { formatName, formatPart } from "./own-words.ts";

/** A block that only this format has words for, whole. */
export function foreignPart(fields: Record<string, unknown>): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: { case: "formatPart", value: formatPart(fields) },
  };
}

/** A part with what the model thought, shown or not, and its signature. */
export function thinkingPart(text: string, signature: string, redacted: boolean): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "reasoning",
      value: {
        $typeName: "penstock.inference.v1.ReasoningPart",
        text,
        redacted,
        ...(signature === "" ? {} : { signature, signatureIssuer: formatName }),
      },
    },
  };
}
