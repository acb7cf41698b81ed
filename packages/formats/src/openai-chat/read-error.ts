import { judgeFailure } from "../failures/judge-failure.ts";
import type { FailureCircumstances, FailureFacts } from "../failures/failure-rule.ts";
import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import type { HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { errorWords } from "./error-words.ts";
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

/** Finds what an error of this format says. */
function readErrorFacts(status: number, value: unknown, inBand: boolean): FailureFacts {
  const error = isJsonObject(value) && "error" in value ? value["error"] : value;
  const fields = isJsonObject(error) ? error : {};
  const outer = isJsonObject(value) ? value : {};
  const code = word(fields["code"]) || word(outer["code"]);
  const type = word(fields["type"]) || word(fields["error_type"]) || word(outer["type"]);
  const message = typeof error === "string" ? error : (fields["message"] ?? outer["message"]);
  return {
    // In-band errors carry the status they would have had as a numeric code.
    status: inBand && /^[45]\d\d$/.test(code) ? Number(code) : status,
    inBand,
    code,
    type,
    message: errorWords(message, outer["detail"]),
  };
}

const noHeaders: FailureCircumstances = { header: () => undefined, nowMs: 0 };

function parseBody(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  const text = decoder.decode(body.subarray(0, maxErrorBytes));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A page of HTML or bare text; its words may still help an operator.
    return { error: { message: text.slice(0, 1_024) } };
  }
}

/** A code or type: short, one word, or nothing. */
function word(value: unknown): string {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value !== "string" || !/^[\w.:-]{1,128}$/.test(value)) return "";
  return plainWords.test(value) ? value : redactMessage(value);
}

/** A long code of small words, which by its length alone might be a key. */
const plainWords = /^[a-z]{1,16}(?:_[a-z]{1,16}){2,7}$/;
