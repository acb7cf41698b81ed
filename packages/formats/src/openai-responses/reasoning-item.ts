import type { ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readText } from "../field-values.ts";
import { isJsonObject } from "../read-json.ts";
import { openSignature } from "./sealed-signature.ts";
import type { SignedThought } from "./sealed-signature.ts";

type Fields = Record<string, unknown>;

/** Between the pieces of a summary, which are paragraphs. */
export const betweenSummaries = "\n\n";

const fieldsInPlace: ReadonlySet<string> = new Set(["type", "summary", "encrypted_content"]);

/** A part with what the model thought, as far as it is shown, and its opaque form. */
export function thoughtPart(text: string, thought: SignedThought): ContentPart {
  const { signature, signatureIssuer, redacted = text === "" && signature !== undefined } = thought;
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "reasoning",
      value: {
        $typeName: "penstock.inference.v1.ReasoningPart",
        text,
        redacted,
        ...(signature !== undefined && { signature }),
        ...(signatureIssuer !== undefined && { signatureIssuer }),
      },
    },
  };
}

/** Reads an item of reasoning that a caller sends back. */
export function readReasoning(
  problems: FieldProblems,
  path: string,
  item: Fields,
): { part: ContentPart | undefined; others: Fields | undefined } {
  const { encrypted_content: encrypted, summary } = item;
  if (summary != null && !Array.isArray(summary)) {
    problems.add(`${path}.summary`, "must be a list");
    return { part: undefined, others: undefined };
  }
  const signature =
    encrypted == null
      ? undefined
      : readText(problems, `${path}.encrypted_content`, encrypted, { min: 1, max: 1e8 });
  const signed = signature === undefined ? {} : openSignature(signature);
  return {
    part: thoughtPart(thoughtOf(item), signed),
    others: otherFields(item, fieldsInPlace),
  };
}

/** The text of an item of reasoning: its summary, or the thought itself where that is shown. */
export function thoughtOf(item: Fields): string {
  const { summary, content } = item;
  return joined(summary) || joined(content);
}

function joined(list: unknown): string {
  if (!Array.isArray(list)) return "";
  const texts = list.map((part: unknown) => (isJsonObject(part) ? part["text"] : undefined));
  return texts.filter((text) => typeof text === "string" && text !== "").join(betweenSummaries);
}

/** The members of an item of reasoning that say what a part says. */
export function writeReasoning(text: string, encrypted: string | undefined): Fields {
  return {
    type: "reasoning",
    summary: text === "" ? [] : [{ type: "summary_text", text }],
    encrypted_content: encrypted,
  };
}
