import type { CitationPart } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";

/** The citations among the annotations of a message or delta; other annotations are left out. */
export function readCitations(value: unknown): CitationPart[] {
  if (!Array.isArray(value)) return [];
  const citations: CitationPart[] = [];
  for (const annotation of value.slice(0, 256)) {
    const fields = isJsonObject(annotation) ? annotation["url_citation"] : undefined;
    if (!isJsonObject(fields)) continue;
    citations.push({
      $typeName: "penstock.inference.v1.CitationPart",
      uri: text(fields["url"]),
      title: text(fields["title"]),
      quotedText: undefined,
      startIndex: position(fields["start_index"]),
      endIndex: position(fields["end_index"]),
    });
  }
  return citations;
}

/** A citation as an annotation. */
export function writeCitation(citation: CitationPart): Record<string, unknown> {
  return {
    type: "url_citation",
    url_citation: {
      url: citation.uri,
      title: citation.title,
      start_index: citation.startIndex,
      end_index: citation.endIndex,
    },
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function position(value: unknown): number | undefined {
  const whole = typeof value === "number" && Number.isInteger(value);
  return whole && value >= 0 && value <= 2_147_483_647 ? value : undefined;
}
