import type { ContentPart, MediaPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { TargetRequest } from "../format.ts";
import { writeCacheMarker } from "../anthropic-messages/cache-marker.ts";

/** Unknown members that content parts carried when they were read, by position. */
type PartExtras = Record<string, unknown> | undefined;

/** What of a message's content came beside its parts, and what the target knows. */
export interface ContentOptions {
  readonly extras?: PartExtras;
  /** Whether it knows marks of what is to be cached. Absent: no. */
  readonly marks?: boolean;
  /** Told of what is said in another way. Absent: nobody listens. */
  readonly warn?: TargetRequest["warn"];
}

/** Writes parts as a message's content: plain text where that says the same. */
export function writeContent(
  parts: readonly ContentPart[],
  path: string,
  { extras, marks = false, warn }: ContentOptions = {},
): string | Record<string, unknown>[] {
  const [first] = parts;
  const only = parts.length === 1 ? first?.part : undefined;
  const isMarked = marks && first?.cacheMarker !== undefined;
  if (only?.case === "text" && !only.value.refusal && extras === undefined && !isMarked) {
    return only.value.text;
  }
  return parts.map((part, index) => {
    const extra = extras?.[String(index)];
    const written = writePart(part, `${path}.parts[${index}]`, warn);
    if (marks && part.cacheMarker !== undefined) {
      written["cache_control"] = writeCacheMarker(part.cacheMarker);
    }
    return typeof extra === "object" && extra !== null ? { ...extra, ...written } : written;
  });
}

/** Writes one part. Throws UNSUPPORTED_FIELD for what the format has no words for. */
export function writePart(
  part: ContentPart,
  path: string,
  warn?: TargetRequest["warn"],
): Record<string, unknown> {
  switch (part.part.case) {
    case "text":
      return part.part.value.refusal
        ? { type: "refusal", refusal: part.part.value.text }
        : { type: "text", text: part.part.value.text };
    case "media":
      return textDocument(part.part.value, warn) ?? writeMedia(part.part.value, path);
    default:
      throw cannotSay(path, kindOf(part));
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * A document of text as text, since files of this format are PDF alone
 * (platform.openai.com/docs/guides/pdf-files). Undefined for all other media.
 */
function textDocument(
  { source, mediaType = "", fileName }: MediaPart,
  warn: TargetRequest["warn"],
): Record<string, unknown> | undefined {
  if (source.case !== "data" || !mediaType.startsWith("text/")) return undefined;
  try {
    const text = decoder.decode(source.value);
    warn?.("approximated: a document of text is sent as text");
    return { type: "text", text: fileName === undefined ? text : `${fileName}:\n\n${text}` };
  } catch {
    return undefined;
  }
}

function writeMedia(media: MediaPart, path: string): Record<string, unknown> {
  const { source, mediaType = "", fileName, options } = media;
  switch (source.case) {
    case "uri":
      if (mediaType !== "" && !mediaType.startsWith("image/")) {
        throw cannotSay(path, `an address of ${mediaType}`);
      }
      return { type: "image_url", image_url: { ...options, url: source.value } };
    case "fileId":
      return { type: "file", file: { ...options, file_id: source.value, filename: fileName } };
    case "data":
      return writeData(media, source.value);
    default:
      throw cannotSay(path, "media without a source");
  }
}

function writeData(media: MediaPart, bytes: Uint8Array): Record<string, unknown> {
  const { mediaType = "", fileName, options } = media;
  const data = bytes.toBase64();
  if (mediaType.startsWith("image/") && fileName === undefined) {
    return {
      type: "image_url",
      image_url: { ...options, url: `data:${mediaType};base64,${data}` },
    };
  }
  if (mediaType.startsWith("audio/") && fileName === undefined) {
    const subtype = mediaType.slice("audio/".length);
    const format = subtype === "mpeg" ? "mp3" : subtype;
    return { type: "input_audio", input_audio: { ...options, data, format } };
  }
  const fileData = mediaType === "" ? data : `data:${mediaType};base64,${data}`;
  return { type: "file", file: { ...options, file_data: fileData, filename: fileName } };
}

/** What a part that can't be written is, in words for its caller. */
export function kindOf({ part }: ContentPart): string {
  if (part.case !== "formatPart") return part.case ?? "an unknown kind of content";
  const { format, content } = part.value;
  const type = content?.["type"];
  return typeof type === "string"
    ? `content of ${format}, "${type.slice(0, 64)}"`
    : `content of ${format}`;
}

/** UNSUPPORTED_FIELD about something that the Chat Completions API has no words for. */
export function cannotSay(path: string, what: string): GatewayError {
  const description = `is ${what}, which a target of format openai-chat can't be sent`;
  return new GatewayError("UNSUPPORTED_FIELD", `The field ${path} ${description}.`, {
    fieldViolations: [{ field: path, description, reason: "UNSUPPORTED_FIELD" }],
  });
}
