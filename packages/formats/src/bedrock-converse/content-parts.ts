import type { CitationPart, ContentPart } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { ownContent } from "./own-part.ts";

/** A thought as this format tells it. */
export interface Thought {
  readonly text: string;
  /** Base64 of what is shown in an opaque form only, or the signature. */
  readonly signature?: string | undefined;
  readonly redacted?: boolean;
}

/** A part with what the model thought. */
export function thoughtPart({ text, signature, redacted = false }: Thought): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "reasoning",
      value: {
        $typeName: "penstock.inference.v1.ReasoningPart",
        text,
        signature,
        signatureIssuer: signature === undefined ? undefined : "bedrock-converse",
        redacted,
      },
    },
  };
}

/** A thought from `reasoningContent`; undefined when it has neither form. */
export function readThought(value: unknown): Thought | undefined {
  if (!isJsonObject(value)) return undefined;
  const { redactedContent: redacted, reasoningText } = value;
  if (typeof redacted === "string") return { text: "", signature: redacted, redacted: true };
  if (!isJsonObject(reasoningText) || typeof reasoningText["text"] !== "string") return undefined;
  const { text, signature } = reasoningText;
  return typeof signature === "string" ? { text, signature } : { text };
}

/** A source that the model cites, with the words of the format beside it. */
export function readCitation(value: Record<string, unknown>): CitationPart {
  const { title, source, sourceContent, location } = value;
  const web = isJsonObject(location) ? location["web"] : undefined;
  const url = isJsonObject(web) ? web["url"] : undefined;
  const quoted = Array.isArray(sourceContent)
    ? sourceContent
        .map((one) => (isJsonObject(one) ? textOf(one["text"]) : undefined) ?? "")
        .join("")
    : "";
  return {
    $typeName: "penstock.inference.v1.CitationPart",
    uri: textOf(url) ?? textOf(source),
    title: textOf(title),
    quotedText: quoted === "" ? undefined : quoted,
    original: ownContent(value),
  };
}

/** A citation in the words of the format; the original where that is its own. */
export function writeCitation(citation: CitationPart): Record<string, unknown> {
  const { original, uri, title, quotedText } = citation;
  if (original?.format === "bedrock-converse" && original.content !== undefined) {
    return { ...original.content };
  }
  return {
    title,
    sourceContent: quotedText === undefined ? undefined : [{ text: quotedText }],
    location: uri === undefined ? undefined : { web: { url: uri } },
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
