import { parseDuration, parseRetryAfter } from "../retry-after.ts";
import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import type { FailureClass, HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;
/** Longest wait believed (provider-failures.md 5.1). */
const maxRetryAfterMs = 86_400_000;

const decoder = new TextDecoder("utf-8");

// Reasons of google.rpc.ErrorInfo: those of Google's API infrastructure (google/api/error_reason.proto)
// and those that the Gemini API adds. A reason decides before the status.
const classByReason = new Map<string, FailureClass>([
  ["API_KEY_INVALID", "AUTH_FAILED"],
  ["API_KEY_EXPIRED", "AUTH_FAILED"],
  ["API_KEY_SERVICE_BLOCKED", "AUTH_FAILED"],
  ["API_KEY_HTTP_REFERRER_BLOCKED", "AUTH_FAILED"],
  ["API_KEY_IP_ADDRESS_BLOCKED", "AUTH_FAILED"],
  ["API_KEY_ANDROID_APP_BLOCKED", "AUTH_FAILED"],
  ["API_KEY_IOS_APP_BLOCKED", "AUTH_FAILED"],
  ["CREDENTIALS_MISSING", "AUTH_FAILED"],
  ["ACCESS_TOKEN_EXPIRED", "AUTH_FAILED"],
  ["ACCESS_TOKEN_SCOPE_INSUFFICIENT", "AUTH_FAILED"],
  ["ACCESS_TOKEN_TYPE_UNSUPPORTED", "AUTH_FAILED"],
  ["ACCOUNT_STATE_INVALID", "AUTH_FAILED"],
  ["CONSUMER_INVALID", "AUTH_FAILED"],
  ["CONSUMER_SUSPENDED", "AUTH_FAILED"],
  ["USER_PROJECT_DENIED", "AUTH_FAILED"],
  ["SERVICE_DISABLED", "PERMISSION"],
  ["IAM_PERMISSION_DENIED", "PERMISSION"],
  ["SECURITY_POLICY_VIOLATED", "PERMISSION"],
  ["LOCATION_TAX_POLICY_VIOLATED", "PERMISSION"],
  ["BILLING_DISABLED", "QUOTA_EXHAUSTED"],
  ["RATE_LIMIT_EXCEEDED", "RATE_LIMITED"],
]);

const classByStatus = new Map<string, FailureClass>([
  ["INVALID_ARGUMENT", "BAD_REQUEST"],
  ["OUT_OF_RANGE", "BAD_REQUEST"],
  ["UNIMPLEMENTED", "BAD_REQUEST"],
  // Of the free tier, which is not there in every country, and of billing that is off.
  ["FAILED_PRECONDITION", "PERMISSION"],
  ["UNAUTHENTICATED", "AUTH_FAILED"],
  ["PERMISSION_DENIED", "PERMISSION"],
  ["NOT_FOUND", "MODEL_NOT_FOUND"],
  ["ABORTED", "CONFLICT"],
  ["ALREADY_EXISTS", "CONFLICT"],
  ["RESOURCE_EXHAUSTED", "RATE_LIMITED"],
  ["CANCELLED", "UPSTREAM_ERROR"],
  ["DEADLINE_EXCEEDED", "UPSTREAM_ERROR"],
  ["DATA_LOSS", "UPSTREAM_ERROR"],
  ["INTERNAL", "UPSTREAM_ERROR"],
  ["UNKNOWN", "UPSTREAM_ERROR"],
  ["UNAVAILABLE", "OVERLOADED"],
]);

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

/** The API has no code for this one, only words (an input longer than the model's window). */
const tooLong = /\binput token count\b.*\bexceeds the maximum\b/i;

/** Classifies an error answer by its details, else by its status, else by that of HTTP. Total. */
export function readError(
  status: number,
  header: HeaderGetter,
  body: Uint8Array,
  nowMs?: number,
): UpstreamFailure {
  const failure = readErrorValue(status, parseBody(body));
  if (failure.retryAfterMs !== undefined || !waits(failure.class)) return failure;
  const date = header("date");
  const now = nowMs ?? (date === undefined ? 0 : Date.parse(date) || 0);
  const retryAfterMs = parseRetryAfter(header, now);
  return retryAfterMs === undefined ? failure : { ...failure, retryAfterMs };
}

/** Classifies an error value, which the streaming method wraps into a list, beside its status. */
export function readErrorValue(httpStatus: number, value: unknown): UpstreamFailure {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  const outer = isJsonObject(first) ? first : {};
  const error = isJsonObject(outer["error"]) ? outer["error"] : outer;
  const told = typeof error["code"] === "number" ? error["code"] : 0;
  const http = httpStatus >= 400 && httpStatus < 600 ? httpStatus : told;
  const status = word(error["status"]) || (statusByHttp.get(http) ?? "");
  const details = readDetails(error["details"]);
  const message = error["message"] ?? outer["error"];
  const text = typeof message === "string" ? message : "";
  const failureClass = classify(http, status, details, text);
  const failure: UpstreamFailure = {
    class: failureClass,
    providerCode: details.reason || details.quotaId || status,
    providerType: status,
    message: redactMessage(text),
  };
  if (details.retryDelayMs === undefined || !waits(failureClass)) return failure;
  return { ...failure, retryAfterMs: details.retryDelayMs };
}

/** Classifies an error that came inside an answer of status 200. */
export function readInBandError(value: unknown): UpstreamFailure {
  const failure = readErrorValue(0, value);
  return failure.class === "UNMAPPED" ? { ...failure, class: "UPSTREAM_ERROR" } : failure;
}

function classify(http: number, status: string, details: Details, message: string): FailureClass {
  if (details.exhausted) return "QUOTA_EXHAUSTED";
  const byReason = classByReason.get(details.reason);
  if (byReason !== undefined) return byReason;
  if (http === 402) return "QUOTA_EXHAUSTED";
  if (http === 413) return "PAYLOAD_TOO_LARGE";
  if (status === "INVALID_ARGUMENT" && tooLong.test(message.slice(0, 512))) {
    return "CONTEXT_TOO_LONG";
  }
  const byStatus = classByStatus.get(status);
  if (byStatus !== undefined) return byStatus;
  if (http >= 500) return "UPSTREAM_ERROR";
  return http === 405 || http === 415 || http === 422 ? "BAD_REQUEST" : "UNMAPPED";
}

interface Details {
  reason: string;
  quotaId: string;
  /** Whether a quota is used up that has no room within minutes, or never had any. */
  exhausted: boolean;
  retryDelayMs: number | undefined;
}

function readDetails(value: unknown): Details {
  const details: Details = { reason: "", quotaId: "", exhausted: false, retryDelayMs: undefined };
  if (!Array.isArray(value)) return details;
  for (const detail of value.slice(0, 32)) {
    if (!isJsonObject(detail)) continue;
    // Proxies have been seen to leave the types out; members tell as much.
    if (details.reason === "") details.reason = word(detail["reason"]);
    if (Array.isArray(detail["violations"])) readViolations(detail["violations"], details);
    const delay = detail["retryDelay"];
    if (typeof delay === "string") details.retryDelayMs = believable(parseDuration(delay));
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

function believable(waitMs: number | undefined): number | undefined {
  if (waitMs === undefined || waitMs > maxRetryAfterMs) return undefined;
  return Math.ceil(waitMs);
}

function waits(failureClass: FailureClass): boolean {
  switch (failureClass) {
    case "RATE_LIMITED":
    case "QUOTA_EXHAUSTED":
    case "OVERLOADED":
    case "UPSTREAM_ERROR":
      return true;
    default:
      return false;
  }
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
