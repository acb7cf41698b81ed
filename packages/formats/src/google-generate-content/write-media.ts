import type { MediaPart } from "@penstock/api";
import { cannotSay } from "./cannot-say.ts";

/** Types by the ending of an address; the provider fetches it and wants to know beforehand. */
const typeByEnding: ReadonlyMap<string, string> = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["gif", "image/gif"],
  ["heic", "image/heic"],
  ["pdf", "application/pdf"],
  ["txt", "text/plain"],
  ["mp3", "audio/mpeg"],
  ["wav", "audio/wav"],
  ["mp4", "video/mp4"],
]);

/** Writes media as bytes or as an address. Throws UNSUPPORTED_FIELD for files of other providers. */
export function writeMedia(
  media: MediaPart,
  path: string,
  warn?: (warning: string) => void,
): Record<string, unknown> {
  const { source, fileName, options } = media;
  const type = media.mediaType === "image/jpg" ? "image/jpeg" : media.mediaType;
  const mimeType = type === "" ? undefined : type;
  const detail = options?.["detail"];
  if (options !== undefined && detail !== "auto") {
    warn?.("parameter_dropped: options of media, such as the detail of an image");
  }
  switch (source.case) {
    case "data":
      if (mimeType === undefined) throw cannotSay(path, "media of an unknown type");
      return {
        inlineData: { mimeType, data: source.value.toBase64(), displayName: fileName },
      };
    case "uri":
      return {
        fileData: {
          mimeType: isKind(mimeType) ? mimeType : typeOf(source.value),
          fileUri: source.value,
          displayName: fileName,
        },
      };
    case "fileId":
      throw cannotSay(path, "a file that another provider stores");
    default:
      throw cannotSay(path, "media without a source");
  }
}

/** Types of which only a part is known (`image/*`), or nothing, are none for the API. */
function isKind(mimeType: string | undefined): boolean {
  return mimeType !== undefined && !mimeType.endsWith("/*") && mimeType !== anyFile;
}

const anyFile = "application/octet-stream";

function typeOf(uri: string): string | undefined {
  const ending = /\.([a-z0-9]{2,5})(?:[?#]|$)/i.exec(uri)?.[1];
  return typeByEnding.get((ending ?? "").toLowerCase());
}
