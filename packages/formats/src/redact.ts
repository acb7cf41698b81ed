const longestMessage = 256;

// Names of the well-known key forms, signed tokens, authorization values, and any run that is too
// long and too mixed to be a word.
const keyForms = [
  /\b(?:sk|rk|pk|psk|pat|pst|gsk|xai|key|api|hf|org|proj|sess)[-_][A-Za-z0-9_*.-]{6,}/gi,
  /\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g,
  /\bAIza[A-Za-z0-9_-]{10,}/g,
  /\bAKIA[A-Z0-9]{12,}/g,
  /\bBearer\s+\S+/gi,
  /[A-Za-z0-9_*+/=]{32,}/g,
];

/**
 * A provider's words, fit to be logged and shown: one line, at most 256 characters, nothing that
 * looks like a key.
 */
export function redactMessage(text: string): string {
  // The rules are linear, and so is the cut before them.
  let clean = text
    .slice(0, 2_048)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ")
    .trim();
  for (const form of keyForms) clean = clean.replace(form, "[redacted]");
  return clean.length > longestMessage ? `${clean.slice(0, longestMessage - 1)}…` : clean;
}
