import type { MediaPart } from "@penstock/api";
import { cannotSay } from "./own-words.ts";

type Written = Record<string, unknown>;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Writes an image or a document. Throws UNSUPPORTED_FIELD for any other media. */
export function writeMedia(
  media: MediaPart,
  path: string,
  warn?: (warning: string) => void,
): Written {
  const { source, mediaType = "", fileName: title, options } = media;
  const detail = options?.["detail"];
  if (detail !== undefined && detail !== "auto") {
    warn?.("parameter_dropped: the detail of an image");
  }
  const image = mediaType.startsWith("image/");
  switch (source.case) {
    case "uri":
      if (image || mediaType === "") {
        return { type: "image", source: { type: "url", url: source.value } };
      }
      if (mediaType !== "application/pdf") throw cannotSay(path, `an address of ${mediaType}`);
      return { type: "document", source: { type: "url", url: source.value }, title };
    case "fileId": {
      const file = { type: "file", file_id: source.value };
      return image ? { type: "image", source: file } : { type: "document", source: file, title };
    }
    case "data":
      return writeData(media, source.value, path);
    default:
      throw cannotSay(path, "media without a source");
  }
}

function writeData(
  { mediaType = "", fileName: title }: MediaPart,
  bytes: Uint8Array,
  path: string,
): Written {
  const imageType = mediaType === "image/jpg" ? "image/jpeg" : mediaType;
  if (imageTypes.has(imageType)) return { type: "image", source: base64(imageType, bytes) };
  if (mediaType === "application/pdf") {
    return { type: "document", source: base64(mediaType, bytes), title };
  }
  if (mediaType.startsWith("text/")) {
    const data = decode(bytes, path);
    return { type: "document", source: { type: "text", media_type: "text/plain", data }, title };
  }
  throw cannotSay(path, mediaType === "" ? "media of an unknown kind" : `media of ${mediaType}`);
}

/** Of images that are sent as bytes (platform.claude.com/docs/en/build-with-claude/vision). */
const imageTypes: ReadonlySet<string> = new Set([
  "image/gif",
  "image/jpeg",
  "image/png",
  "image/webp",
]);

function base64(mediaType: string, bytes: Uint8Array): Written {
  return { type: "base64", media_type: mediaType, data: bytes.toBase64() };
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw cannotSay(path, "a text that is not UTF-8");
  }
}
