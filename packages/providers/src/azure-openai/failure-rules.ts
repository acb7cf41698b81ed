import type { FailureRule } from "@penstock/formats";

/** What Azure says beyond OpenAI's errors (provider-failures.md 5.3). */
export const failureRules: readonly FailureRule[] = [
  // A deployment takes minutes to appear; until then, or for ever, another one is asked.
  { id: "unknown-deployment", code: ["DeploymentNotFound"], class: "MODEL_NOT_FOUND" },
  { id: "wrong-operation", code: ["OperationNotSupported"], class: "MODEL_NOT_FOUND" },
  {
    id: "keys-switched-off",
    code: ["AuthenticationTypeDisabled"],
    class: "AUTH_FAILED",
  },
  { id: "role-missing", code: ["PermissionDenied"], class: "PERMISSION" },
  { id: "call-rate", code: ["RateLimitReached", "too_many_requests"], class: "RATE_LIMITED" },
  // Provisioned or shared capacity is used up at this address, not at others.
  { id: "no-capacity", code: ["NoCapacity"], class: "OVERLOADED" },
];
