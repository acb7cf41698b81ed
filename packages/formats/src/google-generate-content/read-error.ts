import type { FailureFacts } from "../failures/failure-rule.ts";
import { judgeFailure } from "../failures/judge-failure.ts";
import { isJsonObject } from "../read-json.ts";
import { parseRetryInfo } from "../retry-after.ts";
import type { HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { exhaustedQuota, failureRules } from "./failure-rules.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;

const decoder = new TextDecoder("utf-8");

const statusByHttp = new Map<number, string>([
  [400, "INVALID_ARGUMENT"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [409, "ABORTED"],
  [429, "RESOURCE_EXHAUSTED"],
  [499, "CANCELLED"],
  [500, "INTERNAL"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
]);

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
  const facts = readErrorFacts(0, value, true);
  return judgeFailure(facts, failureRules, { header: () => undefined, nowMs: 0 });
}

/** A quota of zero in words: proto JSON leaves zeros out, so that its `quotaValue` is not there. */
const ofZero = /\blimit: 0(?![\d.])/;

/** Finds what an error says, which the streaming method wraps into a list. */
function readErrorFacts(httpStatus: number, value: unknown, inBand: boolean): FailureFacts {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  const outer = isJsonObject(first) ? first : {};
  const error = isJsonObject(outer["error"]) ? outer["error"] : outer;
  const told = typeof error["code"] === "number" ? error["code"] : 0;
  const http = httpStatus >= 400 && httpStatus < 600 ? httpStatus : told;
  const status = word(error["status"]) || (statusByHttp.get(http) ?? "");
  const details = readDetails(error["details"]);
  const said = error["message"] ?? outer["error"];
  const message = typeof said === "string" ? said : "";
  const exhausted = details.exhausted || (details.quotaId !== "" && ofZero.test(message));
  return {
    status: inBand ? http : httpStatus,
    inBand,
    code: details.reason || details.quotaId || status,
    type: status,
    message,
    details: exhausted ? [details.reason, exhaustedQuota] : [details.reason],
    bodyWaitMs: parseRetryInfo(error["details"]),
  };
}

interface Details {
  reason: string;
  quotaId: string;
  /** Whether a quota is used up that has no room within minutes, or never had any. */
  exhausted: boolean;
}

function readDetails(value: unknown): Details {
  const details: Details = { reason: "", quotaId: "", exhausted: false };
  if (!Array.isArray(value)) return details;
  for (const detail of value.slice(0, 32)) {
    if (!isJsonObject(detail)) continue;
    // Proxies have been seen to leave the types out; members tell as much.
    if (details.reason === "") details.reason = word(detail["reason"]);
    if (Array.isArray(detail["violations"])) readViolations(detail["violations"], details);
  }
  return details;
}

/**
 * Quotas of a minute have room again soon. Those of a day, those of money, and a quota of zero,
 * which a plan has for models that are not in it, have not.
 */
function readViolations(violations: unknown[], details: Details): void {
  for (const violation of violations.slice(0, 32)) {
    if (!isJsonObject(violation)) continue;
    const id = word(violation["quotaId"]);
    const names = `${id} ${word(lastSegment(violation["quotaMetric"]))}`;
    const none = violation["quotaValue"] === "0" || violation["quotaValue"] === 0;
    const long = none || /per_?(?:day|month)|spend|billing/i.test(names);
    if (long || details.quotaId === "") details.quotaId = id;
    details.exhausted ||= long;
  }
}

function lastSegment(value: unknown): unknown {
  return typeof value === "string" ? value.slice(value.lastIndexOf("/") + 1) : value;
}

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

/** A name that no key can be, since it has no digits but at its end; nothing for any other. */
function word(value: unknown): string {
  return typeof value === "string" && /^[A-Za-z_-]{1,128}\d{0,3}$/.test(value) ? value : "";
}
