/*
 * What a key looks like, by its prefix: ours, those of the large vendors, JSON web tokens, PEM
 * blocks, bearer headers and passwords in URLs. Every pattern succeeds where its prefix does, or
 * is bounded, so that no text makes the search quadratic.
 */
const keyLike = new RegExp(
  [
    String.raw`\bp(?:sk|at|st)_[A-Za-z0-9_]{6,}`,
    String.raw`\bsk-[A-Za-z0-9_-]{8,}`,
    String.raw`A(?:KIA|SIA)[A-Z0-9]{12,}`,
    String.raw`AIza[A-Za-z0-9_-]{20,}`,
    String.raw`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,4}`,
    String.raw`-----BEGIN [A-Z0-9 ]{1,40}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,40}-----|$)`,
    String.raw`(?<=\b[Bb]earer )[^\s"',;]{6,}`,
    String.raw`(?<=:\/\/)[^\s\/@"]{1,256}(?=@)`,
  ].join("|"),
  "g",
);

/** How anything that `keyLike` finds begins: nearly no text has this, and looking for it is cheap. */
const keyBegins = /p(?:sk|at|st)_|sk-|A(?:KIA|SIA|Iza)|eyJ|-----BEGIN |[Bb]earer |:\/\//;

const sensitiveName =
  /^(?:.*[-_])?(?:authorization|cookie|password|passwd|secret|api[-_]?key|access[-_]?key|private[-_]?key|token|credential)s?$/i;
const countsTokens = /tokens$/i;

/** The shortest text that can hold a key; shorter ones are not searched. */
const shortestKey = 10;

/** What stands where something was taken out. */
export const redacted = "[redacted]";

/** Replaces everything in the text that looks like a key, a token or a password in a URL. */
export function redactText(text: string): string {
  if (text.length < shortestKey || !keyBegins.test(text)) return text;
  return text.replace(keyLike, redacted);
}

/** True for names whose value is never printed, such as `authorization`; not for token counts. */
export function isSensitiveName(name: string): boolean {
  if (countsTokens.test(name)) return false;
  return sensitiveName.test(name.replaceAll(/([a-z])([A-Z])/g, "$1_$2"));
}
