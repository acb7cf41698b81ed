import type { FailureClass } from "@penstock/formats";

/** How a class of outcome weighs on a target. What it is about says its cooldown scope. */
export type Effect =
  | "success"
  | "neutral"
  | "failure"
  | "rate_limited"
  | "overloaded"
  | "used_up"
  | "refused";

/** provider-failures §5.1: what is the caller's fault or wish says nothing about the target. */
export const failureEffects: Record<FailureClass | "OK", Effect> = {
  OK: "success",
  RATE_LIMITED: "rate_limited",
  QUOTA_EXHAUSTED: "used_up",
  OVERLOADED: "overloaded",
  UPSTREAM_ERROR: "failure",
  AUTH_FAILED: "refused",
  PERMISSION: "refused",
  MODEL_NOT_FOUND: "refused",
  CONTEXT_TOO_LONG: "neutral",
  BAD_REQUEST: "neutral",
  CONTENT_FILTERED: "neutral",
  PAYLOAD_TOO_LARGE: "neutral",
  CONFLICT: "neutral",
  UNMAPPED: "neutral",
  TIMEOUT_CONNECT: "failure",
  TIMEOUT_FIRST_TOKEN: "failure",
  TIMEOUT_PROGRESS: "failure",
  TIMEOUT_TOTAL: "failure",
  CONNECTION: "failure",
  STREAM_BROKEN: "failure",
  MALFORMED: "failure",
  CANCELLED: "neutral",
};
