import { createHash } from "node:crypto";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { canonicalBytes } from "./canonical-bytes.ts";

/** 96 bits: enough that no two versions of one resource ever meet, and short enough to read. */
const etagBytes = 12;

/**
 * The etag of a resource: 16 characters that change whenever a field changes. The field `etag`
 * itself and the `excluded` top-level fields (proto names) do not count.
 */
export function computeEtag<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  excluded: readonly string[] = [],
): string {
  const bytes = canonicalBytes(schema, message, ["etag", ...excluded]);
  const digest = createHash("sha256").update(schema.typeName).update("\0").update(bytes).digest();
  return digest.subarray(0, etagBytes).toString("base64url");
}
