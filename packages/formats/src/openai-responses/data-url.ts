import type { MediaPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";

/** The bytes of a media part. */
export type DataSource = Extract<MediaPart["source"], { case: "data" }>;

/** Reads a `data:` address in base64; undefined for any other text. */
export function readDataUrl(url: string): { mediaType: string; source: DataSource } | undefined {
  const comma = url.indexOf(",");
  if (comma < 0 || comma > 256) return undefined;
  const match = /^data:([a-z]+\/[a-z0-9.+-]+)(?:;[a-z0-9=.+-]+)*;base64$/i.exec(
    url.slice(0, comma),
  );
  const value = match === null ? undefined : decodeBase64(url.slice(comma + 1));
  if (match === null || value === undefined) return undefined;
  return { mediaType: (match[1] ?? "").toLowerCase(), source: { case: "data", value } };
}

/** Reads bytes in base64; undefined, and a problem noted, when the value is none. */
export function readBase64(
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
