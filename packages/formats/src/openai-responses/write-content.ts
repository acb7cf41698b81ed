import type { ContentPart, FormatPart, MediaPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { isJsonObject } from "../read-json.ts";
import { formatName } from "./format-part.ts";
import { fileUrlType } from "./read-content.ts";

type Written = Record<string, unknown>;

/** Members that content parts carried when they were read, by position. */
export type PartOverlay = Record<string, unknown> | undefined;

/** Writes what a caller says, or what a tool returned. */
export function writeInputContent(
  parts: readonly ContentPart[],
  path: string,
  overlay?: PartOverlay,
): string | Written[] {
  const only = parts.length === 1 && overlay === undefined ? parts[0]?.part : undefined;
  if (only?.case === "text" && !only.value.refusal) return only.value.text;
  return parts.map((part, index) =>
    overlaid(overlay?.[String(index)], writeInputPart(part, `${path}.parts[${index}]`)),
  );
}

/** Lays what is known over what was carried. */
export function overlaid(carried: unknown, known: Written): Written {
  return typeof carried === "object" && carried !== null ? { ...carried, ...known } : known;
}

/** What came in this format as it came; what only another format has words for can't be said. */
export function ownWords({ format, content }: FormatPart, path: string): Written {
  if (format === formatName && isJsonObject(content)) return content;
  throw cannotSay(path, `what only the format ${format.slice(0, 64)} has words for`);
}

function writeInputPart({ part }: ContentPart, path: string): Written {
  switch (part.case) {
    case "text":
      return part.value.refusal
        ? { type: "refusal", refusal: part.value.text }
        : { type: "input_text", text: part.value.text };
    case "media":
      return writeMedia(part.value, path);
    default:
      throw cannotSay(path, part.case ?? "an unknown kind of content");
  }
}

function writeMedia(media: MediaPart, path: string): Written {
  const { source, mediaType = "", options, fileName } = media;
  const isImage = mediaType === "" || mediaType.startsWith("image/");
  switch (source.case) {
    case "uri":
      if (isImage) return { type: "input_image", ...detailed(options), image_url: source.value };
      if (mediaType === fileUrlType || mediaType === "application/pdf") {
        return { type: "input_file", ...options, file_url: source.value, filename: fileName };
      }
      throw cannotSay(path, `an address of ${mediaType}`);
    case "fileId":
      return isImage && mediaType !== ""
        ? { type: "input_image", ...detailed(options), file_id: source.value }
        : { type: "input_file", ...options, file_id: source.value, filename: fileName };
    case "data":
      return writeData(media, source.value, path);
    default:
      throw cannotSay(path, "media without a source");
  }
}

function writeData(media: MediaPart, bytes: Uint8Array, path: string): Written {
  const { mediaType = "", fileName, options } = media;
  const data = bytes.toBase64();
  if (mediaType.startsWith("image/") && fileName === undefined) {
    const url = `data:${mediaType};base64,${data}`;
    return { type: "input_image", ...detailed(options), image_url: url };
  }
  if (mediaType.startsWith("audio/") && fileName === undefined) {
    const format = mediaType === "audio/mpeg" ? "mp3" : mediaType.slice("audio/".length);
    if (format !== "mp3" && format !== "wav") throw cannotSay(path, `audio of type ${mediaType}`);
    return { type: "input_audio", input_audio: { data, format } };
  }
  const fileData = mediaType === "" ? data : `data:${mediaType};base64,${data}`;
  return { type: "input_file", ...options, file_data: fileData, filename: fileName ?? "file" };
}

/** The API documents `detail` as required of images, with `auto` as its default. */
function detailed(options: MediaPart["options"]): Written {
  return { detail: "auto", ...options };
}

/** UNSUPPORTED_FIELD about something that the Responses API has no words for. */
export function cannotSay(path: string, what: string): GatewayError {
  const description = `is ${what}, which a target of format openai-responses can't be sent`;
  return new GatewayError("UNSUPPORTED_FIELD", `The field ${path} ${description}.`, {
    fieldViolations: [{ field: path, description, reason: "UNSUPPORTED_FIELD" }],
  });
}
