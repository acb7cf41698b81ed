import type { FailureCircumstances, FailureFacts } from "../failures/failure-rule.ts";
import { judgeFailure } from "../failures/judge-failure.ts";
import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import type { HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { failureRules } from "./failure-rules.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;

const decoder = new TextDecoder("utf-8");

/** Classifies an error answer by the table of the format. Total. */
export function readError(
  status: number,
  header: HeaderGetter,
  body: Uint8Array,
  nowMs = 0,
): UpstreamFailure {
  const facts = readErrorFacts(status, parseBody(body), false);
  return judgeFailure(facts, failureRules, { header, nowMs });
}

/** Classifies an error that came inside an answer of status 200. */
export function readInBandError(value: unknown): UpstreamFailure {
  return judgeFailure(readErrorFacts(0, value, true), failureRules, noHeaders);
}

const noHeaders: FailureCircumstances = { header: () => undefined, nowMs: 0 };

/** Finds what an error of this format says; servers that only speak it may leave out the frame. */
function readErrorFacts(status: number, value: unknown, inBand: boolean): FailureFacts {
  const error = isJsonObject(value) && "error" in value ? value["error"] : value;
  const fields = isJsonObject(error) ? error : {};
  const details = isJsonObject(fields["details"]) ? fields["details"] : {};
  const message = typeof error === "string" ? error : fields["message"];
  return {
    status,
    inBand,
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
