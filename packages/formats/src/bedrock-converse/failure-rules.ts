import type { FailureRule } from "../failures/failure-rule.ts";
import { statusRules } from "../failures/status-rules.ts";

/**
 * What the exceptions of Bedrock mean (provider-failures.md 5.6). The name of the exception is the
 * code, the same for an answer and within a stream. A validation exception has many causes and no
 * word of its own for them, so that a few are known by Bedrock's sentences.
 */
export const failureRules: readonly FailureRule[] = [
  {
    id: "input-too-long",
    code: ["ValidationException"],
    message:
      /\b(?:input is too long|prompt is too long|too many input tokens|context window|maximum context length|exceed context limit)\b/i,
    class: "CONTEXT_TOO_LONG",
  },
  {
    id: "unknown-model",
    code: ["ValidationException"],
    message: /\bmodel identifier is invalid\b|\bon-demand throughput isn.t supported\b/i,
    class: "MODEL_NOT_FOUND",
  },
  {
    id: "tokens-per-day",
    code: ["ThrottlingException"],
    message: /\btokens per day\b/i,
    class: "QUOTA_EXHAUSTED",
    cooldown: "deployment",
  },
  { id: "throttling", code: ["ThrottlingException"], class: "RATE_LIMITED" },
  { id: "service-quota", code: ["ServiceQuotaExceededException"], class: "RATE_LIMITED" },
  { id: "cold-model", code: ["ModelNotReadyException"], class: "OVERLOADED" },
  { id: "unavailable", code: ["ServiceUnavailableException"], class: "OVERLOADED" },
  { id: "model-timeout", code: ["ModelTimeoutException"], class: "UPSTREAM_ERROR", actions: ["F"] },
  { id: "model-error", code: ["ModelErrorException"], class: "UPSTREAM_ERROR" },
  { id: "model-stream-error", code: ["ModelStreamErrorException"], class: "UPSTREAM_ERROR" },
  {
    id: "internal",
    code: ["InternalServerException", "InternalFailure", "InternalServerError"],
    class: "UPSTREAM_ERROR",
  },
  { id: "validation", code: ["ValidationException"], class: "BAD_REQUEST" },
  { id: "unknown-resource", code: ["ResourceNotFoundException"], class: "MODEL_NOT_FOUND" },
  { id: "conflict", code: ["ConflictException"], class: "CONFLICT" },
  // Keys, signatures and tokens; a clock that is wrong makes signatures wrong.
  {
    id: "bad-credential",
    code: [
      "UnrecognizedClientException",
      "InvalidSignatureException",
      "SignatureDoesNotMatch",
      "IncompleteSignatureException",
      "MissingAuthenticationTokenException",
      "InvalidClientTokenId",
      "ExpiredTokenException",
      "ExpiredToken",
      "RequestExpired",
      "RequestTimeTooSkewed",
      "RequestInTheFuture",
    ],
    class: "AUTH_FAILED",
  },
  { id: "access-denied", code: ["AccessDeniedException"], class: "PERMISSION" },
  ...statusRules,
];
