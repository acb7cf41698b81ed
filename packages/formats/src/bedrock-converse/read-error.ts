import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import { parseRetryAfter } from "../retry-after.ts";
import type { FailureClass, HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { classByStatus, failureRules } from "./failure-rules.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;

/** More of a provider's words is never looked at. Unit: characters. */
const longestMessage = 2_048;

const decoder = new TextDecoder("utf-8");

/** Classifies an error answer by the name of its exception, which a header has. Total. */
export function readError(
  status: number,
  header: HeaderGetter,
  body: Uint8Array,
  nowMs = 0,
): UpstreamFailure {
  const fields = parseBody(body);
  // The header may go on with the address of the exception's schema; the body may begin with it.
  const [named = ""] = (header("x-amzn-errortype") ?? "").split(":", 1);
  const typed = textOf(fields["__type"]);
  const code = word(named) || word(typed.slice(typed.lastIndexOf("#") + 1)) || word(fields["code"]);
  const message = textOf(fields["message"]) || textOf(fields["Message"]);
  const failure = judge(code, message, classByStatus(status));
  const wait = waiting.has(failure.class)
    ? parseRetryAfter(header, nowOf(header, nowMs))
    : undefined;
  return wait === undefined ? failure : { ...failure, retryAfterMs: wait };
}

/** Classifies an exception that came inside a stream, where names begin with a small letter. */
export function readException(name: string, message: string): UpstreamFailure {
  const code = word(name.slice(0, 1).toUpperCase() + name.slice(1));
  return judge(code, message, "UPSTREAM_ERROR");
}

/** Classes that waiting can mend, so that a wait is looked for. */
const waiting: ReadonlySet<FailureClass> = new Set<FailureClass>([
  "RATE_LIMITED",
  "QUOTA_EXHAUSTED",
  "OVERLOADED",
  "UPSTREAM_ERROR",
]);

function judge(code: string, message: string, otherwise: FailureClass): UpstreamFailure {
  const words = message.slice(0, longestMessage);
  const rule = failureRules.find(
    (one) => one.code.includes(code) && (one.message === undefined || one.message.test(words)),
  );
  return {
    class: rule?.class ?? otherwise,
    providerCode: code,
    providerType: "",
    message: redactMessage(message),
  };
}

/** The answer's own date stands for the time where nobody says what time it is. */
function nowOf(header: HeaderGetter, nowMs: number): number {
  return nowMs > 0 ? nowMs : Date.parse(header("date") ?? "") || 0;
}

function parseBody(body: Uint8Array): Record<string, unknown> {
  const text = decoder.decode(body.subarray(0, maxErrorBytes));
  try {
    const value = JSON.parse(text) as unknown;
    return isJsonObject(value) ? value : {};
  } catch {
    // A page of HTML or bare text; its words may still help an operator.
    return { message: text.slice(0, 1_024) };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A code: short, one word, or nothing. */
function word(value: unknown): string {
  return typeof value === "string" && /^[\w.-]{1,128}$/.test(value) ? redactMessage(value) : "";
}
