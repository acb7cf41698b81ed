import { isJsonObject } from "../read-json.ts";

/** A piece of a content that is a list. */
export interface ListedText {
  readonly text: string;
  /** Whether the model thought it, rather than said it. */
  readonly isThought: boolean;
}

/**
 * The texts of an answer's content that is a list, as that of Mistral's models that reason is: what
 * they thought stands in it, before what they say (docs.mistral.ai/capabilities/reasoning).
 */
export function readContentList(content: readonly unknown[]): ListedText[] {
  return content.filter(isJsonObject).flatMap(({ text, thinking }) => {
    const thought = Array.isArray(thinking) ? thinking.map(textOf).join("") : "";
    const told = typeof text === "string" ? text : "";
    const pieces = [
      { text: thought, isThought: true },
      { text: told, isThought: false },
    ];
    return pieces.filter((piece) => piece.text !== "");
  });
}

function textOf(chunk: unknown): string {
  const text = isJsonObject(chunk) ? chunk["text"] : undefined;
  return typeof text === "string" ? text : "";
}
