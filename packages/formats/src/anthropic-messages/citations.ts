import type { CitationPart } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { formatPart, ownContent } from "./own-words.ts";

/** Most citations of one text that are looked at. */
const maxCitationCount = 1_024;

/** The citations of a text block. */
export function readCitations(value: unknown): CitationPart[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxCitationCount).flatMap((one) => readCitation(one) ?? []);
}

/** One citation; undefined for what is none. Its place in the source stays in the original. */
export function readCitation(value: unknown): CitationPart | undefined {
  if (!isJsonObject(value)) return undefined;
  return {
    $typeName: "penstock.inference.v1.CitationPart",
    uri: text(value["url"]) ?? text(value["source"]),
    title: text(value["title"]) ?? text(value["document_title"]),
    quotedText: text(value["cited_text"]),
    original: formatPart(value),
  };
}

/**
 * A citation for a caller: as it came, or as one of a web page where another format told it;
 * undefined where it names no address.
 */
export function writeCitation(citation: CitationPart): Record<string, unknown> | undefined {
  const own = ownContent(citation.original);
  if (own !== undefined) return own;
  if (citation.uri === undefined) return undefined;
  return {
    type: "web_search_result_location",
    url: citation.uri,
    title: citation.title ?? null,
    cited_text: citation.quotedText ?? "",
    encrypted_index: "",
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
