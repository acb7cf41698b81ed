import type { CitationPart } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { formatName, inThisFormat } from "./format-part.ts";

/** Most annotations of one text that are looked at. */
const maxAnnotationCount = 256;

/** The citations among the annotations of a text. */
export function readCitations(value: unknown): CitationPart[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxAnnotationCount).flatMap((one: unknown) => readCitation(one) ?? []);
}

/** One annotation as a citation; what has no address keeps the words it came in. */
export function readCitation(annotation: unknown): CitationPart | undefined {
  if (!isJsonObject(annotation) || typeof annotation["type"] !== "string") return undefined;
  return {
    $typeName: "penstock.inference.v1.CitationPart",
    uri: text(annotation["url"]),
    title: text(annotation["title"]) ?? text(annotation["filename"]),
    startIndex: position(annotation["start_index"]),
    endIndex: position(annotation["end_index"]),
    original: inThisFormat(annotation),
  };
}

/** A citation as an annotation; undefined when the format has no words for it. */
export function writeCitation(citation: CitationPart): Record<string, unknown> | undefined {
  const { original, uri, title, startIndex, endIndex } = citation;
  if (original?.format === formatName && isJsonObject(original.content)) return original.content;
  if (uri === undefined) return undefined;
  return {
    type: "url_citation",
    url: uri,
    title: title ?? "",
    start_index: startIndex ?? 0,
    end_index: endIndex ?? startIndex ?? 0,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function position(value: unknown): number | undefined {
  const whole = typeof value === "number" && Number.isInteger(value);
  return whole && value >= 0 && value <= 2_147_483_647 ? value : undefined;
}
