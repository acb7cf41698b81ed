import type { FailureRule } from "../failures/failure-rule.ts";
import { statusRules } from "../failures/status-rules.ts";

/** What `readError` says of a quota that has no room within minutes, or never had any. */
export const exhaustedQuota = "exhausted-quota";

/**
 * What the errors of Google's APIs mean: by the reason of their ErrorInfo, which are those of the
 * infrastructure (google/api/error_reason.proto) and those that the Gemini API adds, else by their
 * status, else by that of HTTP.
 */
export const failureRules: readonly FailureRule[] = [
  { id: "quota-used-up", detail: [exhaustedQuota], class: "QUOTA_EXHAUSTED" },
  {
    id: "bad-key",
    detail: [
      "API_KEY_INVALID",
      "API_KEY_EXPIRED",
      "API_KEY_SERVICE_BLOCKED",
      "API_KEY_HTTP_REFERRER_BLOCKED",
      "API_KEY_IP_ADDRESS_BLOCKED",
      "API_KEY_ANDROID_APP_BLOCKED",
      "API_KEY_IOS_APP_BLOCKED",
      "CREDENTIALS_MISSING",
      "ACCESS_TOKEN_EXPIRED",
      "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
      "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    ],
    class: "AUTH_FAILED",
  },
  {
    id: "project-refused",
    detail: [
      "ACCOUNT_STATE_INVALID",
      "CONSUMER_INVALID",
      "CONSUMER_SUSPENDED",
      "USER_PROJECT_DENIED",
    ],
    class: "AUTH_FAILED",
  },
  {
    id: "not-permitted",
    detail: [
      "SERVICE_DISABLED",
      "IAM_PERMISSION_DENIED",
      "SECURITY_POLICY_VIOLATED",
      "LOCATION_TAX_POLICY_VIOLATED",
    ],
    class: "PERMISSION",
  },
  { id: "billing-off", detail: ["BILLING_DISABLED"], class: "QUOTA_EXHAUSTED" },
  { id: "rate-limit", detail: ["RATE_LIMIT_EXCEEDED"], class: "RATE_LIMITED" },
  { id: "prepaid-gone", status: [402], class: "QUOTA_EXHAUSTED" },
  { id: "too-many-bytes", status: [413], class: "PAYLOAD_TOO_LARGE" },
  // The API has no code for this one, only words.
  {
    id: "input-too-long",
    type: ["INVALID_ARGUMENT"],
    message: /\binput token count\b.{0,256}\b(?:exceeds the maximum|model only supports up to)\b/i,
    class: "CONTEXT_TOO_LONG",
  },
  {
    id: "invalid-argument",
    type: ["INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED"],
    class: "BAD_REQUEST",
  },
  // Of the free tier, which is not there in every country, and of billing that is off.
  {
    id: "failed-precondition",
    type: ["FAILED_PRECONDITION"],
    class: "PERMISSION",
    cooldown: "key",
  },
  { id: "unauthenticated", type: ["UNAUTHENTICATED"], class: "AUTH_FAILED" },
  { id: "permission-denied", type: ["PERMISSION_DENIED"], class: "PERMISSION" },
  { id: "not-found", type: ["NOT_FOUND"], class: "MODEL_NOT_FOUND" },
  { id: "conflict", type: ["ABORTED", "ALREADY_EXISTS"], class: "CONFLICT" },
  { id: "resource-exhausted", type: ["RESOURCE_EXHAUSTED"], class: "RATE_LIMITED" },
  {
    id: "server-error",
    type: ["CANCELLED", "DEADLINE_EXCEEDED", "DATA_LOSS", "INTERNAL", "UNKNOWN"],
    class: "UPSTREAM_ERROR",
  },
  { id: "unavailable", type: ["UNAVAILABLE"], class: "OVERLOADED", cooldown: "model" },
  ...statusRules,
];
