import type { MediaPart } from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { cannotSay } from "./cannot-say.ts";
import { mediaKindOf } from "./media-kinds.ts";
import { readsFromS3 } from "./own-part.ts";

/** Where media stands, and what stands before it. */
export interface MediaPlace {
  /** Of the part within its message. */
  readonly position: number;
  readonly names: Set<string>;
  readonly target: Pick<TargetRequest, "warn">;
}

/** Writes media as the block of its kind. Throws UNSUPPORTED_FIELD for what is not there itself. */
export function writeMedia(
  media: MediaPart,
  path: string,
  place: MediaPlace,
): Record<string, unknown> {
  const { source, mediaType = "", fileName = "", options } = media;
  // Bedrock fetches nothing, and ids of files belong to other providers.
  if (source.case !== "data") throw cannotSay(path, `media by ${source.case ?? "no source"}`);
  const kind = mediaKindOf(mediaType, fileName);
  if (kind === undefined) throw cannotSay(path, `media of type ${mediaType || "not said"}`);
  if (readsFromS3(options)) throw cannotSay(path, "media from S3");
  const bytes = source.value.toBase64();
  const name = kind.block === "document" ? documentName(fileName, place) : undefined;
  const { context, citations, detail } = options ?? {};
  if (detail !== undefined && detail !== "auto") {
    place.target.warn?.("parameter_dropped: the detail of an image");
  }
  const own = kind.block === "document" ? { context, citations } : {};
  return { [kind.block]: { ...own, format: kind.format, name, source: { bytes } } };
}

/**
 * A document's name within the documented alphabet. The model reads it, so that a document without
 * one gets a neutral name. No two of a conversation may have the same, so that later ones are counted.
 */
function documentName(fileName: string, { position, names }: MediaPlace): string {
  const name = fileName
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replace(/[^A-Za-z0-9\s\-()[\]]+/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, longestName);
  const wanted = name === "" ? `document ${position + 1}` : name;
  let free = wanted;
  for (let count = 2; names.has(free.toLowerCase()); count++) {
    free = `${wanted.slice(0, longestName - 8)} ${count}`;
  }
  names.add(free.toLowerCase());
  return free;
}

/** Unit: characters. */
const longestName = 200;
