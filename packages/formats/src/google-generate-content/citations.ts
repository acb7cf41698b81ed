import type { CitationPart } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";

/** Most citations of one candidate. */
const maxCount = 256;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The sources of a candidate: what it repeats (`citationMetadata`) and what it was grounded in
 * (`groundingMetadata`). `text` is the candidate's text; the API counts its bytes, we characters.
 */
export function readCitations(
  candidate: { citationMetadata?: unknown; groundingMetadata?: unknown },
  text: string,
): CitationPart[] {
  const places = new Places(text);
  const { citationMetadata: cited, groundingMetadata: grounded } = candidate;
  const citations: CitationPart[] = [];
  if (isJsonObject(cited)) {
    // The Gemini API and Vertex AI have two names for the list.
    for (const source of listOf(cited["citationSources"] ?? cited["citations"])) {
      citations.push(newCitation(source, source, places));
    }
  }
  if (isJsonObject(grounded)) citations.push(...readGrounding(grounded, places));
  return citations.slice(0, maxCount);
}

function readGrounding(grounded: Record<string, unknown>, places: Places): CitationPart[] {
  const chunks = listOf(grounded["groundingChunks"]).map(sourceOf);
  const supports = listOf(grounded["groundingSupports"]);
  if (supports.length === 0) return chunks.map((source) => newCitation(source, {}, places));
  const citations: CitationPart[] = [];
  for (const support of supports) {
    const segment = isJsonObject(support["segment"]) ? support["segment"] : {};
    const indices: unknown = support["groundingChunkIndices"];
    for (const index of Array.isArray(indices) ? indices : []) {
      const source = typeof index === "number" ? chunks[index] : undefined;
      if (source !== undefined) citations.push(newCitation(source, segment, places));
      // Each one costs a walk through the text.
      if (citations.length === maxCount) return citations;
    }
  }
  return citations;
}

/** A chunk has one member, whose name is the kind of source. */
function sourceOf(chunk: Record<string, unknown>): Record<string, unknown> {
  const source = chunk["web"] ?? chunk["retrievedContext"] ?? chunk["maps"];
  return isJsonObject(source) ? source : {};
}

function newCitation(
  source: Record<string, unknown>,
  segment: Record<string, unknown>,
  places: Places,
): CitationPart {
  // Proto JSON leaves a zero out.
  const end = places.characters(segment["endIndex"]);
  const start = places.characters(segment["startIndex"] ?? (end === undefined ? undefined : 0));
  return {
    $typeName: "penstock.inference.v1.CitationPart",
    uri: textOf(source["uri"]),
    title: textOf(source["title"]),
    quotedText: textOf(segment["text"]),
    startIndex: start,
    endIndex: end,
  };
}

/** Writes citations as `citationMetadata`; undefined when there are none. */
export function writeCitations(citations: readonly CitationPart[], text: string): unknown {
  if (citations.length === 0) return undefined;
  const places = new Places(text);
  return {
    citationSources: citations.map(({ uri, title, startIndex, endIndex }) => ({
      startIndex: places.bytes(startIndex),
      endIndex: places.bytes(endIndex),
      uri,
      title,
    })),
  };
}

/** Translates places in a text between bytes and characters. */
class Places {
  readonly #text: string;
  #bytes: Uint8Array | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  characters(bytes: unknown): number | undefined {
    if (typeof bytes !== "number" || !Number.isInteger(bytes) || bytes < 0) return undefined;
    const all = (this.#bytes ??= encoder.encode(this.#text));
    if (bytes > all.length) return undefined;
    return decoder.decode(all.subarray(0, bytes)).length;
  }

  bytes(characters: number | undefined): number | undefined {
    if (characters === undefined || characters > this.#text.length) return undefined;
    return encoder.encode(this.#text.slice(0, characters)).length;
  }
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.slice(0, maxCount).filter(isJsonObject) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 8_192) : undefined;
}
