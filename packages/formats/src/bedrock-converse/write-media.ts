import type { MediaPart } from "@penstock/api";
import { cannotSay } from "./cannot-say.ts";
import { mediaKindOf } from "./media-kinds.ts";
import { readsFromS3 } from "./own-part.ts";

/** Writes media as the block of its kind. Throws UNSUPPORTED_FIELD for what is not there itself. */
export function writeMedia(
  media: MediaPart,
  path: string,
  position: number,
): Record<string, unknown> {
  const { source, mediaType = "", fileName = "", options } = media;
  // Bedrock fetches nothing, and ids of files belong to other providers.
  if (source.case !== "data") throw cannotSay(path, `media by ${source.case ?? "no source"}`);
  const kind = mediaKindOf(mediaType, fileName);
  if (kind === undefined) throw cannotSay(path, `media of type ${mediaType || "not said"}`);
  if (readsFromS3(options)) throw cannotSay(path, "media from S3");
  const bytes = source.value.toBase64();
  const name = kind.block === "document" ? documentName(fileName, position) : undefined;
  // The words of other formats about media (`detail`) mean nothing here.
  const { context, citations } = options ?? {};
  const own = kind.block === "document" ? { context, citations } : {};
  return { [kind.block]: { ...own, format: kind.format, name, source: { bytes } } };
}

/**
 * A document's name within the documented alphabet. The model reads it, so that a document without
 * one gets a neutral name.
 */
function documentName(fileName: string, position: number): string {
  const name = fileName
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replace(/[^A-Za-z0-9\s\-()[\]]+/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 200);
  return name === "" ? `document ${position + 1}` : name;
}
