import type { FailureRule } from "../failures/failure-rule.ts";
import { statusRules } from "../failures/status-rules.ts";

/**
 * What the errors of OpenAI's API mean, by its code, else its type, else the status: 429 alone
 * means at least four things. What other servers add to the format is in the tables of their kinds.
 */
export const failureRules: readonly FailureRule[] = [
  // Money is told by the type, with a code for each kind of purse.
  { id: "insufficient-quota", type: ["insufficient_quota"], class: "QUOTA_EXHAUSTED" },
  {
    id: "spend-limit",
    code: [
      "insufficient_quota",
      "billing_hard_limit_reached",
      "billing_not_active",
      "credit_balance_exhausted",
      "project_spend_limit_exceeded",
      "organization_spend_limit_exceeded",
      "organization_usage_limit_exceeded",
    ],
    class: "QUOTA_EXHAUSTED",
  },
  // More than the limit of a whole minute: no waiting helps, and nothing is wrong with the target.
  {
    id: "larger-than-minute",
    status: [429],
    code: ["rate_limit_exceeded"],
    message: /^request too large\b/i,
    class: "PAYLOAD_TOO_LARGE",
  },
  // The ramp was too steep for this model; another model of the account is not concerned.
  { id: "slow-down", code: ["slow_down"], class: "OVERLOADED", cooldown: "model" },
  { id: "rate-limit", code: ["rate_limit_exceeded"], class: "RATE_LIMITED" },
  { id: "overloaded", code: ["server_is_overloaded"], class: "OVERLOADED" },
  {
    id: "bad-key",
    code: ["invalid_api_key", "account_deactivated", "invalid_organization", "mismatched_project"],
    class: "AUTH_FAILED",
  },
  { id: "ip-not-allowed", code: ["ip_not_authorized"], class: "PERMISSION", cooldown: "key" },
  {
    id: "region",
    code: ["unsupported_country_region_territory"],
    class: "PERMISSION",
    cooldown: "provider",
  },
  { id: "unknown-model", code: ["model_not_found"], class: "MODEL_NOT_FOUND" },
  { id: "context-length", code: ["context_length_exceeded"], class: "CONTEXT_TOO_LONG" },
  // Ids and names have largest lengths as well, and say nothing about the context.
  {
    id: "text-too-long",
    code: ["string_above_max_length"],
    message: /^invalid '(?:messages\[\d+\]\.content|input|instructions)\b/i,
    class: "CONTEXT_TOO_LONG",
  },
  {
    id: "content-filter",
    code: [
      "bio_policy",
      "content_filter",
      "content_policy_violation",
      "image_content_policy_violation",
      "invalid_prompt",
      "misalignment_policy_violation",
      "moderation_blocked",
    ],
    class: "CONTENT_FILTERED",
  },
  // Told within an answer that began well, and the caller's doing all the same: the documented
  // codes of `response.error` in the Responses API.
  {
    id: "bad-image",
    code: [
      "empty_image_file",
      "failed_to_download_image",
      "image_file_not_found",
      "image_file_too_large",
      "image_parse_error",
      "image_too_large",
      "image_too_small",
      "invalid_base64_image",
      "invalid_image",
      "invalid_image_format",
      "invalid_image_mode",
      "invalid_image_url",
      "unsupported_image_media_type",
    ],
    class: "BAD_REQUEST",
  },
  { id: "data-residency", code: ["data_residency_mismatch"], class: "PERMISSION" },
  // Reasoning of another issuer: no other target of the same request would read it either.
  { id: "encrypted-content", code: ["invalid_encrypted_content"], class: "BAD_REQUEST" },
  { id: "server-error", code: ["server_error"], class: "UPSTREAM_ERROR" },
  { id: "authentication-type", type: ["authentication_error"], class: "AUTH_FAILED" },
  { id: "permission-type", type: ["permission_error"], class: "PERMISSION" },
  { id: "rate-limit-type", type: ["rate_limit_error"], class: "RATE_LIMITED" },
  {
    id: "limited-resource",
    status: [429],
    type: ["requests", "tokens", "input_tokens"],
    class: "RATE_LIMITED",
  },
  { id: "unavailable-type", type: ["service_unavailable_error"], class: "OVERLOADED" },
  { id: "server-error-type", type: ["server_error"], class: "UPSTREAM_ERROR" },
  {
    id: "invalid-request",
    status: [0, 400, 422],
    type: ["invalid_request_error"],
    class: "BAD_REQUEST",
  },
  ...statusRules,
];
