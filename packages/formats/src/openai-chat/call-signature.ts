import { isJsonObject } from "../read-json.ts";
import type { Signed } from "../own-signature.ts";

/** The one format whose signatures of calls this format has a place for. */
const issuer = "google-generate-content";
const maxLength = 16_777_216;

/**
 * The proof behind a tool call that a caller sends back, where Google's own translation of its API
 * into this format puts it (ai.google.dev/gemini-api/docs/thought-signatures, OpenAI compatibility).
 */
export function readCallSignature(call: Readonly<Record<string, unknown>>): Signed {
  const extra = call["extra_content"];
  const google = isJsonObject(extra) ? extra["google"] : undefined;
  const signature = isJsonObject(google) ? google["thought_signature"] : undefined;
  if (typeof signature !== "string" || signature === "" || signature.length > maxLength) return {};
  return { signature, signatureIssuer: issuer };
}

/** The member in which a caller gets the proof; undefined when there is none, or none of Google. */
export function writeCallSignature(part: Signed): Record<string, unknown> | undefined {
  const { signature, signatureIssuer } = part;
  if (signature === undefined || signatureIssuer !== issuer) return undefined;
  return { google: { thought_signature: signature } };
}
