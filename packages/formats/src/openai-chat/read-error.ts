import type { FailureClass, HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";
import { isJsonObject } from "../read-json.ts";
import { redactMessage } from "../redact.ts";
import { parseRetryAfter } from "../retry-after.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;

const decoder = new TextDecoder("utf-8");

// Codes and types of OpenAI and of servers that speak its format (provider-failures.md 5.2, 5.7).
// A code decides before the status, because 429 alone means at least four things.
const classByCode = new Map<string, FailureClass>([
  ["insufficient_quota", "QUOTA_EXHAUSTED"],
  ["billing_hard_limit_reached", "QUOTA_EXHAUSTED"],
  ["billing_not_active", "QUOTA_EXHAUSTED"],
  ["credit_balance_exhausted", "QUOTA_EXHAUSTED"],
  ["exceeded_current_quota_error", "QUOTA_EXHAUSTED"],
  ["payment_required", "QUOTA_EXHAUSTED"],
  ["project_spend_limit_reached", "QUOTA_EXHAUSTED"],
  ["organization_spend_limit_reached", "QUOTA_EXHAUSTED"],
  ["organization_usage_limit_reached", "QUOTA_EXHAUSTED"],
  ["1113", "QUOTA_EXHAUSTED"],
  ["rate_limit_exceeded", "RATE_LIMITED"],
  ["rate_limit_error", "RATE_LIMITED"],
  ["in_flight_budget_exhausted", "RATE_LIMITED"],
  ["1302", "RATE_LIMITED"],
  ["TooManyRequests", "RATE_LIMITED"],
  ["slow_down", "OVERLOADED"],
  ["server_is_overloaded", "OVERLOADED"],
  ["overloaded_error", "OVERLOADED"],
  ["engine_overloaded_error", "OVERLOADED"],
  ["service_unavailable_error", "OVERLOADED"],
  ["capacity_exceeded", "OVERLOADED"],
  ["provider_overloaded", "OVERLOADED"],
  ["invalid_api_key", "AUTH_FAILED"],
  ["authentication_error", "AUTH_FAILED"],
  ["authentication", "AUTH_FAILED"],
  ["account_deactivated", "AUTH_FAILED"],
  ["permission_denied", "PERMISSION"],
  ["permission_error", "PERMISSION"],
  ["unsupported_country_region_territory", "PERMISSION"],
  ["model_not_found", "MODEL_NOT_FOUND"],
  ["DeploymentNotFound", "MODEL_NOT_FOUND"],
  ["context_length_exceeded", "CONTEXT_TOO_LONG"],
  ["exceed_context_size_error", "CONTEXT_TOO_LONG"],
  ["max_tokens_exceeded", "CONTEXT_TOO_LONG"],
  ["string_above_max_length", "CONTEXT_TOO_LONG"],
  ["content_filter", "CONTENT_FILTERED"],
  ["content_policy_violation", "CONTENT_FILTERED"],
  ["moderation_blocked", "CONTENT_FILTERED"],
  ["payload_too_large", "PAYLOAD_TOO_LARGE"],
  ["request_too_large", "PAYLOAD_TOO_LARGE"],
  ["server_error", "UPSTREAM_ERROR"],
  ["internal_server_error", "UPSTREAM_ERROR"],
  ["provider_unavailable", "UPSTREAM_ERROR"],
  ["timeout", "UPSTREAM_ERROR"],
]);

/** Classifies an error answer: by code, else by type, else by status. Total. */
export function readError(
  status: number,
  header: HeaderGetter,
  body: Uint8Array,
  nowMs?: number,
): UpstreamFailure {
  const failure = readErrorValue(status, parseBody(body));
  const date = header("date");
  const now = nowMs ?? (date === undefined ? 0 : Date.parse(date) || 0);
  const retryAfterMs = waits(failure.class) ? parseRetryAfter(header, now) : undefined;
  return retryAfterMs === undefined ? failure : { ...failure, retryAfterMs };
}

/** Classifies an error value found in a body or in a stream, beside the status it came with. */
export function readErrorValue(status: number, value: unknown): UpstreamFailure {
  const error = isJsonObject(value) && "error" in value ? value["error"] : value;
  const fields = isJsonObject(error) ? error : {};
  const outer = isJsonObject(value) ? value : {};
  const code = word(fields["code"]) || word(outer["code"]);
  const type = word(fields["type"]) || word(fields["error_type"]) || word(outer["type"]);
  // In-band errors carry the status they would have had as a numeric code.
  const numeric = /^[45]\d\d$/.test(code) ? Number(code) : 0;
  const message = typeof error === "string" ? error : (fields["message"] ?? outer["message"] ?? "");
  const inBand = status < 400 || status >= 600;
  return {
    class: classByWords(code, type) ?? classByStatus(numeric !== 0 && inBand ? numeric : status),
    providerCode: code,
    providerType: type,
    message: typeof message === "string" ? redactMessage(message) : "",
  };
}

/** Money is told by the type, with a code for each kind of purse; otherwise the code is finer. */
function classByWords(code: string, type: string): FailureClass | undefined {
  const byType = classByCode.get(type);
  return byType === "QUOTA_EXHAUSTED" ? byType : (classByCode.get(code) ?? byType);
}

function classByStatus(status: number): FailureClass {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 415:
    case 422:
      return "BAD_REQUEST";
    case 401:
      return "AUTH_FAILED";
    case 402:
    case 412:
      return "QUOTA_EXHAUSTED";
    case 403:
      return "PERMISSION";
    case 404:
    case 410:
      return "MODEL_NOT_FOUND";
    case 409:
    case 424:
    case 425:
      return "CONFLICT";
    case 413:
      return "PAYLOAD_TOO_LARGE";
    case 429:
      return "RATE_LIMITED";
    case 498:
    case 503:
    case 529:
      return "OVERLOADED";
    case 408:
      return "UPSTREAM_ERROR";
    default:
      return status >= 500 && status < 600 ? "UPSTREAM_ERROR" : "UNMAPPED";
  }
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

/** A code or type: short, one word, or nothing. */
function word(value: unknown): string {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value !== "string" || !/^[\w.:-]{1,128}$/.test(value)) return "";
  return redactMessage(value);
}

/** Classifies an error that came inside an answer of status 200. */
export function readInBandError(value: unknown): UpstreamFailure {
  const failure = readErrorValue(0, value);
  return failure.class === "UNMAPPED" ? { ...failure, class: "UPSTREAM_ERROR" } : failure;
}
