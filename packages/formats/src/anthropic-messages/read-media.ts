import type { ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readObject, readText } from "../field-values.ts";
import { mediaPart } from "../openai-chat/content-parts.ts";

/** Media type of an image of which no more is known. */
const anyImage = "image/*";

const maxAddressLength = 8_192;
const nameLength = { min: 1, max: 256 };

const encoder = new TextEncoder();

/**
 * Reads the source of an image or a document. Undefined for what is wrong, which is noted, and for
 * kinds of sources that only this format knows, which are not.
 */
export function readMedia(
  problems: FieldProblems,
  path: string,
  block: Record<string, unknown>,
): ContentPart | undefined {
  const source = readObject(problems, `${path}.source`, block["source"]);
  if (source === undefined) return undefined;
  const image = block["type"] === "image";
  const title = block["title"];
  const fileName =
    image || title == null ? undefined : readText(problems, `${path}.title`, title, titleLength);
  switch (source["type"]) {
    case "base64":
      return readBase64(problems, `${path}.source`, source, fileName);
    case "text":
      return readPlainText(problems, `${path}.source`, source, fileName);
    case "url": {
      const uri = readAddress(problems, `${path}.source.url`, source["url"]);
      const mediaType = image ? anyImage : "application/pdf";
      return uri === undefined
        ? undefined
        : mediaPart({ mediaType, fileName, source: { case: "uri", value: uri } });
    }
    case "file": {
      const id = readText(problems, `${path}.source.file_id`, source["file_id"], nameLength);
      const mediaType = image ? anyImage : undefined;
      return id === undefined
        ? undefined
        : mediaPart({ mediaType, fileName, source: { case: "fileId", value: id } });
    }
    default:
      return undefined;
  }
}

const titleLength = { min: 0, max: 1_024 };

function readBase64(
  problems: FieldProblems,
  path: string,
  source: Record<string, unknown>,
  fileName: string | undefined,
): ContentPart | undefined {
  const mediaType = readText(problems, `${path}.media_type`, source["media_type"], nameLength);
  const data = source["data"];
  const value = typeof data === "string" && data !== "" ? decodeBase64(data) : undefined;
  if (value === undefined) problems.add(`${path}.data`, "must be base64 text");
  if (mediaType === undefined || value === undefined) return undefined;
  return mediaPart({ mediaType, fileName, source: { case: "data", value } });
}

function readPlainText(
  problems: FieldProblems,
  path: string,
  source: Record<string, unknown>,
  fileName: string | undefined,
): ContentPart | undefined {
  const data = readText(problems, `${path}.data`, source["data"]);
  if (data === undefined) return undefined;
  const value = encoder.encode(data);
  return mediaPart({ mediaType: "text/plain", fileName, source: { case: "data", value } });
}

function readAddress(problems: FieldProblems, path: string, value: unknown): string | undefined {
  const uri = readText(problems, path, value, { min: 1, max: maxAddressLength });
  if (uri === undefined || /^https?:\/\/[^\s\\]+$/i.test(uri)) return uri;
  problems.add(path, "must be an http or https address");
  return undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}
