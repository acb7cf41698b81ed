import type { Signed } from "../own-signature.ts";
import { formatName } from "./format-part.ts";

/** A signature, and whether the provider shows nothing but it. */
export interface SignedThought extends Signed {
  redacted?: boolean | undefined;
}

const sealed = /^penstock:([a-z0-9-]{1,64})(\+redacted)?:/;

/**
 * A signature as callers of this format carry it to and fro. That of another format names its
 * issuer, as it comes back without a word on where it came from.
 */
export function sealSignature(thought: SignedThought): string | undefined {
  const { signature, signatureIssuer: issuer, redacted } = thought;
  if (signature === undefined || signature === "") return undefined;
  if (issuer === undefined || issuer === formatName) return signature;
  return `penstock:${issuer}${redacted === true ? "+redacted" : ""}:${signature}`;
}

/** What a caller sent back, with its issuer: a target of this format where none is named. */
export function openSignature(text: string): SignedThought {
  const [prefix, issuer, redacted] = sealed.exec(text) ?? [];
  if (prefix === undefined) return { signature: text, signatureIssuer: formatName };
  const signature = text.slice(prefix.length);
  return { signature, signatureIssuer: issuer, redacted: redacted !== undefined };
}
