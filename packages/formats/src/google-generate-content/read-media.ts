import type { ContentPart, MediaPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readObject, readText } from "../field-values.ts";
import { mediaPart } from "../openai-chat/content-parts.ts";
import { member } from "./proto-json.ts";

const nameLength = { min: 1, max: 256 };
const typeLength = { min: 1, max: 128 };
const uriLength = { min: 1, max: 8_192 };

/** Bytes or an address, with their type. Used for parts and for parts of function responses. */
export function readMedia(
  problems: FieldProblems,
  path: string,
  value: unknown,
): ContentPart | undefined {
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  const displayName = member(fields, "displayName");
  const type = member(fields, "mimeType");
  const rest = {
    mediaType: type == null ? undefined : readText(problems, `${path}.mimeType`, type, typeLength),
    fileName:
      displayName == null
        ? undefined
        : readText(problems, `${path}.displayName`, displayName, nameLength),
  };
  const uri = member(fields, "fileUri");
  if (uri != null) {
    const text = readText(problems, `${path}.fileUri`, uri, uriLength);
    return text === undefined
      ? undefined
      : mediaPart({ ...rest, source: { case: "uri", value: text } });
  }
  const source = readBytes(problems, `${path}.data`, fields["data"]);
  if (rest.mediaType === undefined && type == null) {
    problems.add(`${path}.mimeType`, "is required");
  }
  return source && mediaPart({ ...rest, source });
}

function readBytes(
  problems: FieldProblems,
  field: string,
  value: unknown,
): Extract<MediaPart["source"], { case: "data" }> | undefined {
  const bytes = typeof value === "string" && value !== "" ? decodeBase64(value) : undefined;
  if (bytes !== undefined) return { case: "data", value: bytes };
  problems.add(field, "must be base64 text");
  return undefined;
}

/** Proto JSON takes both alphabets of base64. Undefined when the text is neither. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return undefined;
  }
}
