import type { ContentPart } from "@penstock/api";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { mediaTypeOf, type MediaBlock } from "./media-kinds.ts";

const knownMembers: ReadonlySet<string> = new Set(["format", "name", "source"]);

/**
 * Media whose bytes are there, in a documented encoding; undefined for any other, such as a
 * document given as text.
 */
export function readMedia(
  block: MediaBlock,
  media: Readonly<Record<string, unknown>>,
): ContentPart | undefined {
  const { format, name, source } = media;
  const mediaType = mediaTypeOf(block, format);
  if (mediaType === undefined || !isJsonObject(source)) return undefined;
  const { bytes } = source;
  const value = typeof bytes === "string" ? decodeBase64(bytes) : undefined;
  if (value === undefined || Object.keys(source).length !== 1) return undefined;
  const others = Object.entries(media).filter(([member]) => !knownMembers.has(member));
  // Only documents have further members that are sent again.
  if (others.some(([member]) => block !== "document" || !isDocumentOption(member))) {
    return undefined;
  }
  if (name !== undefined && (block !== "document" || typeof name !== "string")) return undefined;
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "media",
      value: {
        $typeName: "penstock.inference.v1.MediaPart",
        mediaType,
        source: { case: "data", value },
        fileName: name,
        options: others.length === 0 ? undefined : (Object.fromEntries(others) as JsonObject),
      },
    },
  };
}

function isDocumentOption(member: string): boolean {
  return member === "context" || member === "citations";
}

/** The bytes of a base64 text; undefined when it is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}
