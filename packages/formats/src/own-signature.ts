import type { FormatName } from "./format.ts";

/** A part with an opaque proof, as far as it matters here. */
export interface Signed {
  signature?: string | undefined;
  signatureIssuer?: string | undefined;
}

/**
 * The signature of a part where `format` made it, or where nobody says who did. Any other stays
 * away from a target of that format, which would refuse it; `warn` is told so.
 */
export function ownSignature(
  part: Signed,
  format: FormatName,
  warn?: (warning: string) => void,
): string | undefined {
  const { signature, signatureIssuer: issuer = format } = part;
  if (signature === undefined || signature === "") return undefined;
  if (issuer === format) return signature;
  warn?.(`signature_dropped: a reasoning signature of ${issuer} means nothing to ${format}`);
  return undefined;
}
