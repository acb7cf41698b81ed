import type { FormatPart } from "@penstock/api";
import type { JsonObject } from "../format.ts";
import { formatName } from "./format-name.ts";

/** What this format alone has words for, such as code that the provider ran or its own tools. */
export function ownWords(content: Record<string, unknown>): FormatPart {
  return {
    $typeName: "penstock.inference.v1.FormatPart",
    format: formatName,
    content: content as JsonObject,
  };
}

/** The content where it is in the words of this format; undefined for those of any other. */
export function ownContent(part: FormatPart | undefined): JsonObject | undefined {
  return part?.format === formatName ? part.content : undefined;
}
