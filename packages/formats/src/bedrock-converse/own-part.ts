import type { ContentPart, FormatPart } from "@penstock/api";
import type { JsonObject } from "../format.ts";

/** A block that only this format has words for, as a part. */
export function ownPart(value: Record<string, unknown>): ContentPart {
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: { case: "formatPart", value: ownContent(value) },
  };
}

/** An object that only this format has words for. */
export function ownContent(value: Record<string, unknown>): FormatPart {
  return {
    $typeName: "penstock.inference.v1.FormatPart",
    format: "bedrock-converse",
    content: value as JsonObject,
  };
}

/**
 * Whether an object asks the provider to fetch something from S3. It would do so with the gateway's
 * identity, which may see what the caller must not. Depth is bounded where the object was read.
 */
export function readsFromS3(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(readsFromS3);
  return Object.entries(value).some(
    ([name, member]) => name === "s3Location" || readsFromS3(member),
  );
}
