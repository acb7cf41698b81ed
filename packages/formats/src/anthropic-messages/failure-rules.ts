import type { FailureRule } from "../failures/failure-rule.ts";
import { statusRules } from "../failures/status-rules.ts";

/**
 * What the errors of Anthropic's API mean, by the code among their details, else their type, else
 * the status (provider-failures.md 5.4). Some things are told in words alone, without a code: those
 * rows come first and name their type.
 */
export const failureRules: readonly FailureRule[] = [
  {
    id: "spend-limit",
    code: [
      "contract_spend_limit_reached",
      "enforced_spend_limit_reached",
      "linked_organization_billing_unavailable",
      "linked_organization_spend_limit_reached",
      "organization_on_hold",
      "user_profile_billing_not_authorized",
      "user_profile_not_billable",
    ],
    class: "QUOTA_EXHAUSTED",
  },
  {
    id: "spend-limit-text",
    type: ["invalid_request_error", "rate_limit_error"],
    message: /\bcredit balance is too low\b|\breached your specified API usage limits\b/i,
    class: "QUOTA_EXHAUSTED",
  },
  // The account has no long contexts: a shorter input is answered, and nothing must cool down.
  {
    id: "long-context-not-paid",
    type: ["rate_limit_error"],
    message: /\bextra usage is required for long context\b/i,
    class: "CONTEXT_TOO_LONG",
  },
  { id: "ramp-limit", code: ["ramp_limit_exceeded"], class: "RATE_LIMITED", cooldown: "model" },
  {
    id: "key-unreachable",
    code: ["cmek_key_unreachable", "cmek_context_unavailable"],
    class: "UPSTREAM_ERROR",
  },
  {
    id: "key-disabled",
    code: ["cmek_key_disabled", "cmek_key_network_blocked"],
    class: "PERMISSION",
    cooldown: "key",
  },
  {
    id: "large-after-decoding",
    code: ["request_body_too_large_after_decoding"],
    class: "PAYLOAD_TOO_LARGE",
  },
  {
    id: "prompt-too-long",
    type: ["invalid_request_error", "request_too_large"],
    message:
      /\bprompt is too long\b|\bexceed(?:s|ed)? (?:the )?(?:model'?s? )?context (?:limit|window)\b/i,
    class: "CONTEXT_TOO_LONG",
  },
  {
    id: "content-filter",
    type: ["invalid_request_error"],
    message: /\bblocked by content filtering policy\b/i,
    class: "CONTENT_FILTERED",
  },
  { id: "authentication", type: ["authentication_error"], class: "AUTH_FAILED" },
  { id: "billing", type: ["billing_error"], class: "QUOTA_EXHAUSTED" },
  { id: "permission", type: ["permission_error"], class: "PERMISSION" },
  { id: "not-found", type: ["not_found_error"], class: "MODEL_NOT_FOUND" },
  { id: "conflict", type: ["conflict_error"], class: "CONFLICT" },
  { id: "too-large", type: ["request_too_large"], class: "PAYLOAD_TOO_LARGE" },
  { id: "rate-limit", type: ["rate_limit_error"], class: "RATE_LIMITED" },
  // One fleet serves a model for everybody: another account would wait as well.
  { id: "overloaded", type: ["overloaded_error"], class: "OVERLOADED", cooldown: "model" },
  { id: "timeout", type: ["timeout_error"], class: "UPSTREAM_ERROR", actions: ["F"] },
  { id: "api-error", type: ["api_error"], class: "UPSTREAM_ERROR" },
  {
    id: "invalid-request",
    status: [0, 400, 422],
    type: ["invalid_request_error"],
    class: "BAD_REQUEST",
  },
  ...statusRules,
];
