import type { ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { kindOf, otherFields, readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { mediaPart, textPart } from "../openai-chat/content-parts.ts";
import { readBase64, readDataUrl } from "./data-url.ts";

/** Unknown members of content parts, by the position of the part. */
export type PartExtras = Record<string, Record<string, unknown>>;

/** The parts of an item and what they carried besides. */
export interface Content {
  parts: ContentPart[];
  extras: PartExtras | undefined;
}

type Fields = Record<string, unknown>;

/** Most parts of one item. */
const maxPartCount = 4_096;
const nameLength = { min: 1, max: 256 };

const partFields: Record<string, ReadonlySet<string>> = {
  input_text: new Set(["type", "text"]),
  output_text: new Set(["type", "text"]),
  refusal: new Set(["type", "refusal"]),
  input_audio: new Set(["type", "input_audio"]),
  input_image: new Set(["type", "image_url", "file_id", "detail"]),
  input_file: new Set(["type", "file_id", "file_data", "file_url", "filename", "detail"]),
};

/** Reads the content of an item: text, or a list of the allowed kinds of parts. */
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
  const content: Content = { parts: [], extras: undefined };
  if (!Array.isArray(value)) {
    problems.add(field, `must be text or a list of parts, not ${kindOf(value)}`);
    return content;
  }
  const list = readList(problems, field, value, maxPartCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `${field}[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields === undefined) continue;
    const part = readPart(problems, path, fields, allowed);
    if (part === undefined) continue;
    const others = otherFields(fields, partFields[String(fields["type"])] ?? new Set());
    if (others !== undefined) (content.extras ??= {})[String(content.parts.length)] = others;
    problems.made(part, path);
    content.parts.push(part);
  }
  return content;
}

function readPart(
  problems: FieldProblems,
  path: string,
  fields: Fields,
  allowed: ReadonlySet<string>,
): ContentPart | undefined {
  const type = fields["type"];
  // Some clients send what the model said back with the words of what a caller says.
  const known = typeof type === "string" && (allowed.has(type) || isText(type));
  if (!known) {
    problems.add(`${path}.type`, `must be one of ${[...allowed].join(", ")}`);
    return undefined;
  }
  switch (type) {
    case "input_image":
      return readImage(problems, path, fields);
    case "input_file":
      return readFile(problems, path, fields);
    case "input_audio":
      return readAudio(problems, path, fields);
    case "refusal": {
      const text = readText(problems, `${path}.refusal`, fields["refusal"]);
      return text === undefined ? undefined : textPart(text, true);
    }
    default: {
      const text = readText(problems, `${path}.text`, fields["text"]);
      return text === undefined ? undefined : textPart(text);
    }
  }
}

function isText(type: string): boolean {
  return type === "input_text" || type === "output_text";
}

function readImage(problems: FieldProblems, path: string, fields: Fields): ContentPart | undefined {
  const { image_url: url, file_id: id } = fields;
  const options = detailOf(fields);
  if ((url == null) === (id == null)) {
    problems.add(path, "must have either image_url or file_id");
    return undefined;
  }
  if (url == null) {
    const value = readText(problems, `${path}.file_id`, id, nameLength);
    if (value === undefined) return undefined;
    return mediaPart({ mediaType: "image/*", source: { case: "fileId", value }, options });
  }
  const field = `${path}.image_url`;
  const address = readText(problems, field, url, { min: 1, max: 1e8 });
  if (address === undefined) return undefined;
  if (!/^data:/i.test(address)) {
    if (isWebAddress(address)) {
      return mediaPart({ source: { case: "uri", value: address }, options });
    }
    problems.add(field, "must be an http, https or data address of an image");
    return undefined;
  }
  const data = readDataUrl(address);
  if (data?.mediaType.startsWith("image/") === true) return mediaPart({ ...data, options });
  problems.add(field, "must be a base64 data address of an image");
  return undefined;
}

function readFile(problems: FieldProblems, path: string, fields: Fields): ContentPart | undefined {
  const { file_id: id, file_data: content, file_url: url, filename } = fields;
  const given = [id, content, url].filter((value) => value != null).length;
  if (given !== 1) {
    problems.add(path, "must have one of file_id, file_data and file_url");
    return undefined;
  }
  const fileName =
    filename == null ? undefined : readText(problems, `${path}.filename`, filename, nameLength);
  const rest = { fileName, options: detailOf(fields) };
  if (id != null) {
    const value = readText(problems, `${path}.file_id`, id, nameLength);
    return value === undefined
      ? undefined
      : mediaPart({ source: { case: "fileId", value }, ...rest });
  }
  if (url != null) {
    const value = readText(problems, `${path}.file_url`, url, { min: 1, max: 8_192 });
    if (value === undefined) return undefined;
    if (isWebAddress(value)) {
      const mediaType = isPdf(value) ? "application/pdf" : fileUrlType;
      return mediaPart({ mediaType, source: { case: "uri", value }, ...rest });
    }
    problems.add(`${path}.file_url`, "must be an http or https address");
    return undefined;
  }
  const data = typeof content === "string" ? readDataUrl(content) : undefined;
  if (data !== undefined) return mediaPart({ ...data, ...rest });
  const source = readBase64(problems, `${path}.file_data`, content);
  return source && mediaPart({ source, ...rest });
}

/** The type of a file at an address that nobody has looked at; an address of an image has none. */
export const fileUrlType = "application/octet-stream";

function isPdf(address: string): boolean {
  return /^[^?#]+\.pdf(?:[?#]|$)/i.test(address);
}

function readAudio(problems: FieldProblems, path: string, fields: Fields): ContentPart | undefined {
  const audio = readObject(problems, `${path}.input_audio`, fields["input_audio"]);
  if (audio === undefined) return undefined;
  const { format } = audio;
  const source = readBase64(problems, `${path}.input_audio.data`, audio["data"]);
  if (format !== "mp3" && format !== "wav") {
    problems.add(`${path}.input_audio.format`, "must be mp3 or wav");
    return undefined;
  }
  return source && mediaPart({ mediaType: `audio/${format === "mp3" ? "mpeg" : "wav"}`, source });
}

function isWebAddress(address: string): boolean {
  return address.length <= 8_192 && /^https?:\/\/[^\s\\]+$/i.test(address);
}

function detailOf(fields: Fields): JsonObject | undefined {
  const { detail } = fields;
  return typeof detail === "string" ? { detail } : undefined;
}
