import type { ContentPart, MediaPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { kindOf, otherFields, readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { findCacheMarker } from "../anthropic-messages/cache-marker.ts";
import { mediaPart, textPart } from "./content-parts.ts";

/** Unknown members of a message's content parts, by the position of the part. */
export type PartExtras = Record<string, Record<string, unknown>>;

/** The parts of a message and what they carried besides. */
export interface Content {
  parts: ContentPart[];
  extras: PartExtras | undefined;
}

/** Most parts of one message. */
const maxPartCount = 4_096;

const partFields: Record<string, ReadonlySet<string>> = {
  text: new Set(["type", "text"]),
  refusal: new Set(["type", "refusal"]),
  image_url: new Set(["type", "image_url"]),
  input_audio: new Set(["type", "input_audio"]),
  file: new Set(["type", "file"]),
};

/** Reads a message's content: text, or a list of the allowed kinds of parts. */
export function readContent(
  problems: FieldProblems,
  field: string,
  value: unknown,
  allowed: ReadonlySet<string>,
): Content {
  if (typeof value === "string") {
    const part = textPart(value);
    problems.made(part, field);
    return { parts: [part], extras: undefined };
  }
  const parts: ContentPart[] = [];
  let extras: PartExtras | undefined;
  if (!Array.isArray(value)) {
    problems.add(field, `must be text or a list of parts, not ${kindOf(value)}`);
    return { parts, extras };
  }
  const list = readList(problems, field, value, maxPartCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `${field}[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields === undefined) continue;
    const part = readPart(problems, path, fields, allowed);
    if (part === undefined) continue;
    // The words of OpenRouter and others for caches that keep only what is marked; also sent on.
    const marker = findCacheMarker(fields["cache_control"]);
    if (marker !== undefined) part.cacheMarker = marker;
    const others = otherFields(fields, partFields[String(fields["type"])] ?? new Set());
    if (others !== undefined) (extras ??= {})[String(parts.length)] = others;
    problems.made(part, path);
    parts.push(part);
  }
  return { parts, extras };
}

function readPart(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
  allowed: ReadonlySet<string>,
): ContentPart | undefined {
  const type = fields["type"];
  if (typeof type !== "string" || !allowed.has(type)) {
    problems.add(`${path}.type`, `must be one of ${[...allowed].join(", ")}`);
    return undefined;
  }
  switch (type) {
    case "text":
    case "refusal": {
      const text = readText(problems, `${path}.${type}`, fields[type]);
      return text === undefined ? undefined : textPart(text, type === "refusal");
    }
    case "image_url":
      return readImage(problems, `${path}.image_url`, fields["image_url"]);
    case "input_audio":
      return readAudio(problems, `${path}.input_audio`, fields["input_audio"]);
    default:
      return readFile(problems, `${path}.file`, fields["file"]);
  }
}

function readImage(problems: FieldProblems, path: string, value: unknown): ContentPart | undefined {
  const image = readObject(problems, path, value);
  const url = image && readText(problems, `${path}.url`, image["url"], { min: 1, max: 1e8 });
  if (image === undefined || url === undefined) return undefined;
  const options = otherFields(image, new Set(["url"])) as JsonObject | undefined;
  if (!/^data:/i.test(url)) {
    if (!/^https?:\/\/[^\s\\]+$/i.test(url) || url.length > 8_192) {
      problems.add(`${path}.url`, "must be an http, https or data address of an image");
      return undefined;
    }
    return mediaPart({ source: { case: "uri", value: url }, options });
  }
  const data = readDataUrl(url);
  if (data === undefined || !data.mediaType.startsWith("image/")) {
    problems.add(`${path}.url`, "must be a base64 data address of an image");
    return undefined;
  }
  return mediaPart({ mediaType: data.mediaType, source: data.source, options });
}

function readAudio(problems: FieldProblems, path: string, value: unknown): ContentPart | undefined {
  const audio = readObject(problems, path, value);
  if (audio === undefined) return undefined;
  const format = readText(problems, `${path}.format`, audio["format"], { min: 1, max: 32 });
  const source = readBase64(problems, `${path}.data`, audio["data"]);
  if (format === undefined || source === undefined) return undefined;
  if (!/^[a-z0-9.+-]+$/.test(format)) {
    problems.add(`${path}.format`, "must be the name of an audio format, such as wav");
    return undefined;
  }
  const options = otherFields(audio, new Set(["data", "format"])) as JsonObject | undefined;
  return mediaPart({ mediaType: `audio/${format === "mp3" ? "mpeg" : format}`, source, options });
}

function readFile(problems: FieldProblems, path: string, value: unknown): ContentPart | undefined {
  const file = readObject(problems, path, value);
  if (file === undefined) return undefined;
  const { file_id: id, file_data: content, filename } = file;
  const name =
    filename == null ? undefined : readText(problems, `${path}.filename`, filename, nameLength);
  const options = otherFields(file, new Set(["file_id", "file_data", "filename"]));
  const rest = { fileName: name, options: options as JsonObject | undefined };
  if ((id == null) === (content == null)) {
    problems.add(path, "must have either file_id or file_data");
    return undefined;
  }
  if (id != null) {
    const fileId = readText(problems, `${path}.file_id`, id, nameLength);
    return fileId === undefined
      ? undefined
      : mediaPart({ source: { case: "fileId", value: fileId }, ...rest });
  }
  const data = typeof content === "string" ? readDataUrl(content) : undefined;
  if (data !== undefined) return mediaPart({ ...data, ...rest });
  const source = readBase64(problems, `${path}.file_data`, content);
  return source === undefined ? undefined : mediaPart({ source, ...rest });
}

const nameLength = { min: 1, max: 256 };

type DataSource = Extract<MediaPart["source"], { case: "data" }>;

function readDataUrl(url: string): { mediaType: string; source: DataSource } | undefined {
  const comma = url.indexOf(",");
  if (comma < 0 || comma > 256) return undefined;
  const match = /^data:([a-z]+\/[a-z0-9.+-]+)(?:;[a-z0-9=.+-]+)*;base64$/i.exec(
    url.slice(0, comma),
  );
  const value = match === null ? undefined : decodeBase64(url.slice(comma + 1));
  if (match === null || value === undefined) return undefined;
  return { mediaType: (match[1] ?? "").toLowerCase(), source: { case: "data", value } };
}

function readBase64(
  problems: FieldProblems,
  field: string,
  value: unknown,
): DataSource | undefined {
  const bytes = typeof value === "string" && value !== "" ? decodeBase64(value) : undefined;
  if (bytes !== undefined) return { case: "data", value: bytes };
  problems.add(field, "must be base64 text");
  return undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}
