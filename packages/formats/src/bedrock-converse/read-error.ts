import type { FailureFacts } from "../failures/failure-rule.ts";
import { judgeFailure } from "../failures/judge-failure.ts";
import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import type { HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { failureRules } from "./failure-rules.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;

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
  const facts: FailureFacts = { status, inBand: false, code, type: "", message };
  return judgeFailure(facts, failureRules, { header, nowMs });
}

/** Classifies an exception that came inside a stream, where names begin with a small letter. */
export function readException(name: string, message: string): UpstreamFailure {
  const code = word(name.slice(0, 1).toUpperCase() + name.slice(1));
  const facts: FailureFacts = { status: 0, inBand: true, code, type: "", message };
  return judgeFailure(facts, failureRules, { header: () => undefined, nowMs: 0 });
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

/** A code: short, one word, or nothing. Some are as long as keys, but all words. */
function word(value: unknown): string {
  if (typeof value !== "string" || !/^[\w.-]{1,128}$/.test(value)) return "";
  return /^(?:[A-Z][a-z]{1,24}){1,8}$/.test(value) ? value : redactMessage(value);
}
