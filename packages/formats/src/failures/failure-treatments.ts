import type { FailureClass } from "../upstream-failure.ts";
import type { CooldownScope, FailureAction } from "./failure-rule.ts";

/** What a class of failure leads to, unless its row says otherwise. */
export interface FailureTreatment {
  /** In the order in which they are tried. */
  readonly actions: readonly FailureAction[];
  readonly cooldown: CooldownScope;
}

function treat(
  actions: readonly FailureAction[],
  cooldown: CooldownScope = "none",
): FailureTreatment {
  return { actions, cooldown };
}

/**
 * Class → action → what cools down (provider-failures.md 5.1, decisions §4). R after K or F means:
 * only when nothing else is left and the wait is short.
 */
export const failureTreatments: Readonly<Record<FailureClass, FailureTreatment>> = {
  RATE_LIMITED: treat(["K", "F", "R"], "deployment"),
  QUOTA_EXHAUSTED: treat(["K", "F"], "key"),
  OVERLOADED: treat(["F", "R"], "deployment"),
  UPSTREAM_ERROR: treat(["R", "F"], "deployment"),
  AUTH_FAILED: treat(["K", "F"], "key"),
  PERMISSION: treat(["K", "F"], "deployment"),
  MODEL_NOT_FOUND: treat(["K", "F"], "deployment"),
  /** Only to targets with a larger context. */
  CONTEXT_TOO_LONG: treat(["F"]),
  BAD_REQUEST: treat(["C"]),
  /** Only where the route allows it. */
  CONTENT_FILTERED: treat(["F"]),
  PAYLOAD_TOO_LARGE: treat(["F"]),
  CONFLICT: treat(["R", "F"]),
  UNMAPPED: treat(["F"]),
  TIMEOUT_CONNECT: treat(["R", "F"], "deployment"),
  TIMEOUT_FIRST_TOKEN: treat(["F"], "deployment"),
  TIMEOUT_PROGRESS: treat(["F"], "deployment"),
  TIMEOUT_TOTAL: treat(["F"], "deployment"),
  CONNECTION: treat(["R", "F"], "deployment"),
  STREAM_BROKEN: treat(["R", "F"], "deployment"),
  MALFORMED: treat(["R", "F"], "deployment"),
  CANCELLED: treat(["C"]),
};
