import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { RecordedAnswer } from "./exchange.ts";

/** Headers of an answer that are kept: what they say, how long to wait, and what is left. */
const keptHeaders =
  /^(?:content-type|retry-after(?:-ms)?|x-should-retry|(?:x|anthropic)-ratelimit-[a-z-]+|x-amzn-errortype)$/;
/** Request headers whose values are credentials. */
const credentialHeaders = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/** Forms of keys that vendors are known to give out. */
const keyForms = [
  /\b(?:sk|rk|pk|psk|pat|pst|gsk|xai)-[A-Za-z0-9_-]{8,}/g,
  /\b(?:psk|pat|pst)_[A-Za-z0-9_]{8,}/g,
  /\bAIza[A-Za-z0-9_-]{20,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g,
  /\bBearer\s+[A-Za-z0-9._~+/=-]{8,}/gi,
];
const redacted = "[redacted]";

/** Credentials that a request carries, so that no answer that repeats one keeps it. */
export function credentialsOf(headers: IncomingHttpHeaders, query: string): string[] {
  const values = credentialHeaders.map((name) => String(headers[name] ?? ""));
  values.push(new URLSearchParams(query).get("key") ?? "");
  return values
    .map((value) => value.replace(/^(?:Bearer|Basic)\s+/i, ""))
    .filter((value) => value.length >= 8);
}

/** What of an answer is kept. */
export function redactAnswer(
  answer: { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer },
  credentials: readonly string[],
): RecordedAnswer {
  const kept = Object.entries(answer.headers).filter(([name]) => keptHeaders.test(name));
  const headers = Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
  const { status, body } = answer;
  if (!isUtf8(body)) return { status, headers, base64: body.toString("base64") };
  let text = body.toString();
  for (const credential of credentials) text = text.replaceAll(credential, redacted);
  for (const form of keyForms) text = text.replace(form, redacted);
  return { status, headers, text };
}
