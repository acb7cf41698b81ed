import type { Signed } from "../own-signature.ts";
import { formatName } from "./format-part.ts";

const prefix = "penstock:";
const sealed = /^penstock:([a-z0-9-]{1,64}):/;

/**
 * A signature as callers of this format carry it to and fro. That of another format names its
 * issuer, as it comes back without a word on where it came from.
 */
export function sealSignature({ signature, signatureIssuer }: Signed): string | undefined {
  if (signature === undefined || signature === "") return undefined;
  const isForeign = signatureIssuer !== undefined && signatureIssuer !== formatName;
  return isForeign ? `${prefix}${signatureIssuer}:${signature}` : signature;
}

/** What a caller sent back, with its issuer: a target of this format where none is named. */
export function openSignature(text: string): Required<Signed> {
  const match = sealed.exec(text);
  if (match === null) return { signature: text, signatureIssuer: formatName };
  return { signature: text.slice(match[0].length), signatureIssuer: match[1] };
}
