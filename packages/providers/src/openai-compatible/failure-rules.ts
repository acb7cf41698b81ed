import type { FailureRule } from "@penstock/formats";

/**
 * What servers that speak OpenAI's format say beyond it. Codes of several vendors stand side by
 * side where they can't be mistaken for each other's.
 */
export const failureRules: readonly FailureRule[] = [
  // Accounts
  {
    id: "account-used-up",
    code: ["exceeded_current_quota_error", "payment_required", "1113"],
    class: "QUOTA_EXHAUSTED",
  },
  { id: "account-used-up-type", type: ["exceeded_current_quota_error"], class: "QUOTA_EXHAUSTED" },
  { id: "account-suspended", status: [412], class: "QUOTA_EXHAUSTED" },
  // Limits
  {
    id: "larger-than-limit",
    status: [413],
    code: ["rate_limit_exceeded"],
    class: "PAYLOAD_TOO_LARGE",
  },
  {
    id: "concurrency",
    code: ["1302", "TooManyRequests", "in_flight_budget_exhausted"],
    class: "RATE_LIMITED",
  },
  // Load
  {
    id: "vendor-overloaded",
    code: ["overloaded_error", "engine_overloaded_error", "capacity_exceeded"],
    class: "OVERLOADED",
  },
  {
    id: "vendor-overloaded-type",
    type: ["overloaded_error", "engine_overloaded_error", "provider_overloaded"],
    class: "OVERLOADED",
  },
  { id: "model-loading", status: [503], type: ["unavailable_error"], class: "OVERLOADED" },
  {
    id: "provider-unavailable",
    type: ["provider_unavailable", "internal_server_error", "server", "timeout"],
    class: "UPSTREAM_ERROR",
  },
  // Credentials and models
  { id: "vendor-authentication", type: ["authentication"], class: "AUTH_FAILED" },
  // Told by its words alone: the status and the code are those of any bad request.
  {
    id: "bad-key-by-message",
    status: [400],
    message: /^(?:incorrect|invalid) api key\b/i,
    class: "AUTH_FAILED",
  },
  { id: "vendor-permission", type: ["permission_denied"], class: "PERMISSION" },
  // Requests
  {
    id: "vendor-context",
    type: ["exceed_context_size_error", "context_length_exceeded", "max_tokens_exceeded"],
    class: "CONTEXT_TOO_LONG",
  },
  {
    id: "context-by-message",
    status: [400, 403, 422],
    message:
      /\b(?:maximum (?:context|prompt) length|context window|input is too long|longer than the (?:model's context length|maximum model length)|exceeded model token limit|prompt (?:\(.{1,64}\) )?(?:is )?too long)\b/i,
    class: "CONTEXT_TOO_LONG",
  },
  {
    id: "vendor-moderation",
    type: ["content_policy_violation", "refusal"],
    class: "CONTENT_FILTERED",
  },
  {
    id: "vendor-payload",
    type: ["payload_too_large", "request_too_large"],
    class: "PAYLOAD_TOO_LARGE",
  },
  // The model wrote a call that can't be read: another try may write a better one.
  { id: "tool-use-failed", code: ["tool_use_failed"], class: "BAD_REQUEST", actions: ["R", "C"] },
];
