import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import { parseRetryAfter } from "../retry-after.ts";
import type { FailureClass, HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { failureRules, type FailureRule } from "./failure-rules.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;
/** More of a provider's words is never looked at. Unit: characters. */
const longestMessage = 2_048;
/** Longest wait that a reset is believed to mean. Unit: milliseconds. */
const longestWaitMs = 86_400_000;

const decoder = new TextDecoder("utf-8");

/** Classes that waiting can mend, so that a wait is looked for. */
const waiting: ReadonlySet<FailureClass> = new Set<FailureClass>([
  "RATE_LIMITED",
  "QUOTA_EXHAUSTED",
  "OVERLOADED",
  "UPSTREAM_ERROR",
]);

/** Classifies an error answer by the table of the format. Total. */
export function readError(
  status: number,
  header: HeaderGetter,
  body: Uint8Array,
  nowMs?: number,
): UpstreamFailure {
  const failure = judge(readFacts(status, parseBody(body)));
  if (!waiting.has(failure.class)) return failure;
  const date = header("date");
  const now = nowMs ?? (date === undefined ? 0 : Date.parse(date) || 0);
  const retryAfterMs = parseRetryAfter(header, now) ?? longestReset(header, now);
  return retryAfterMs === undefined ? failure : { ...failure, retryAfterMs };
}

/** Classifies an error that came inside an answer of status 200. */
export function readInBandError(value: unknown): UpstreamFailure {
  const failure = judge(readFacts(0, value));
  return failure.class === "UNMAPPED" ? { ...failure, class: "UPSTREAM_ERROR" } : failure;
}

interface Facts {
  readonly status: number;
  readonly code: string;
  readonly type: string;
  readonly message: string;
}

function judge(facts: Facts): UpstreamFailure {
  const rule = failureRules.find((candidate) => fits(candidate, facts));
  return {
    class: rule?.class ?? classOfUnknown(facts),
    providerCode: facts.code,
    providerType: facts.type,
    message: redactMessage(facts.message),
  };
}

function fits(rule: FailureRule, { status, code, type, message }: Facts): boolean {
  if (rule.status !== undefined && !rule.status.includes(status)) return false;
  if (rule.code !== undefined && !rule.code.includes(code)) return false;
  if (rule.type !== undefined && !rule.type.includes(type)) return false;
  return rule.message === undefined || rule.message.test(message.slice(0, longestMessage));
}

function classOfUnknown({ status }: Facts): FailureClass {
  if (status >= 500 && status < 600) return "UPSTREAM_ERROR";
  return status >= 400 && status < 500 ? "BAD_REQUEST" : "UNMAPPED";
}

/** When the limits that are used up are full again; they are told as times. */
function longestReset(header: HeaderGetter, nowMs: number): number | undefined {
  let longest: number | undefined;
  for (const resource of ["requests", "tokens", "input-tokens", "output-tokens"]) {
    const name = `anthropic-ratelimit-${resource}`;
    if (header(`${name}-remaining`)?.trim() !== "0") continue;
    const waitMs = Date.parse(header(`${name}-reset`) ?? "") - nowMs;
    if (!(waitMs >= 0 && waitMs <= longestWaitMs)) continue;
    longest = Math.max(longest ?? 0, waitMs);
  }
  return longest;
}

/** Finds what an error of this format says; servers that only speak it may leave out the frame. */
function readFacts(status: number, value: unknown): Facts {
  const error = isJsonObject(value) && "error" in value ? value["error"] : value;
  const fields = isJsonObject(error) ? error : {};
  const details = isJsonObject(fields["details"]) ? fields["details"] : {};
  const message = typeof error === "string" ? error : fields["message"];
  return {
    status,
    code: word(details["error_code"]) || word(fields["code"]),
    type: word(fields["type"]),
    message: typeof message === "string" ? message : "",
  };
}

function parseBody(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  const text = decoder.decode(body.subarray(0, maxErrorBytes));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A page of HTML, as edges send it, or bare text; its words may still help an operator.
    return { error: { message: text.slice(0, 1_024) } };
  }
}

/** A code or type: short, one word, or nothing. Some codes are as long as keys, but all words. */
function word(value: unknown): string {
  if (typeof value !== "string" || !/^[\w.:-]{1,128}$/.test(value)) return "";
  return /^[a-z]{2,24}(?:_[a-z]{1,24}){0,9}$/.test(value) ? value : redactMessage(value);
}
