import { createHmac, timingSafeEqual } from "node:crypto";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { GatewayError } from "@penstock/errors";
import { canonicalBytes } from "./canonical-bytes.ts";

/** Makes and reads page tokens. A cursor is any text that says where the next page begins. */
export interface PageTokens {
  /** The token for a cursor of the query, safe in URLs. */
  encode(cursor: string, query: Uint8Array): string;
  /** The cursor of a token. Throws PAGE_TOKEN_INVALID for any token not made for this query. */
  decode(token: string, query: Uint8Array): string;
}

const version = 1;
const macBytes = 16;
const maxTokenCharacters = 4_096;

/**
 * Makes page tokens under a key, which all instances of a service share. A key that is read later
 * is asked for at each use; what it throws meanwhile is what callers get.
 */
export function createPageTokens(macKey: Uint8Array | (() => Uint8Array)): PageTokens {
  const key = typeof macKey === "function" ? macKey : () => macKey;
  const mac = (cursor: Uint8Array, query: Uint8Array): Buffer => {
    const lengths = Buffer.alloc(5);
    lengths.writeUInt8(version);
    lengths.writeUInt32BE(query.length, 1);
    const hmac = createHmac("sha256", key()).update(lengths).update(query).update(cursor);
    return hmac.digest().subarray(0, macBytes);
  };
  return {
    encode: (cursor, query) => {
      const text = Buffer.from(cursor);
      return Buffer.concat([Uint8Array.of(version), mac(text, query), text]).toString("base64url");
    },
    decode: (token, query) => {
      if (token.length > maxTokenCharacters) throw invalid();
      const bytes = Buffer.from(token, "base64url");
      // Decoding skips foreign characters, so a token must also be what its bytes are written as.
      if (bytes.length <= macBytes || bytes.toString("base64url") !== token) throw invalid();
      const cursor = bytes.subarray(1 + macBytes);
      const given = bytes.subarray(1, 1 + macBytes);
      if (bytes[0] !== version || !timingSafeEqual(given, mac(cursor, query))) throw invalid();
      return cursor.toString();
    },
  };
}

/** What a page token is bound to: the list request without its `page_token` and `page_size`. */
export function listQuery<Desc extends DescMessage>(
  schema: Desc,
  request: MessageShape<Desc>,
): Uint8Array {
  const fields = canonicalBytes(schema, request, ["page_token", "page_size"]);
  return Buffer.concat([Buffer.from(`${schema.typeName}\0`), fields]);
}

/**
 * The number of items of a page: the default for 0, the maximum for more than that. Throws
 * FIELD_INVALID for a negative number.
 */
export function pageSize(asked: number, { byDefault = 50, max = 1_000 } = {}): number {
  if (asked < 0) {
    const description = "must not be negative";
    throw new GatewayError("FIELD_INVALID", `The field page_size ${description}.`, {
      fieldViolations: [{ field: "page_size", description }],
    });
  }
  return asked === 0 ? byDefault : Math.min(asked, max);
}

function invalid(): GatewayError {
  const message = "The page token is malformed or belongs to another query; start again without.";
  return new GatewayError("PAGE_TOKEN_INVALID", message, {
    fieldViolations: [{ field: "page_token", description: "is not a token of this query" }],
  });
}
