import type { ErrorReason } from "@penstock/errors";
import type { CooldownScope, FailureAction } from "./failures/failure-rule.ts";

/** Gives the value of a response header by its lower-case name; undefined when it is not there. */
export type HeaderGetter = (name: string) => string | undefined;

/**
 * Why an attempt failed, and the reason the caller is told when no other target helps. The classes
 * are what the router decides on; those from TIMEOUT_CONNECT on are found by the router itself,
 * not in an answer.
 */
export const failureReasons = {
  /** A limit of the provider that has room again soon. */
  RATE_LIMITED: "UPSTREAM_RATE_LIMITED",
  /** The account is used up: money, a daily cap, a spend limit. */
  QUOTA_EXHAUSTED: "UPSTREAM_RATE_LIMITED",
  /** The provider has too much to do. */
  OVERLOADED: "UPSTREAM_OVERLOADED",
  /** The provider failed. */
  UPSTREAM_ERROR: "UPSTREAM_FAILED",
  /** The provider refused our credential. */
  AUTH_FAILED: "UPSTREAM_AUTHENTICATION_FAILED",
  /** The credential is good, but not for this model, region or network. */
  PERMISSION: "UPSTREAM_AUTHENTICATION_FAILED",
  /** The provider does not know the model or deployment. */
  MODEL_NOT_FOUND: "UPSTREAM_FAILED",
  /** The input does not fit the model. */
  CONTEXT_TOO_LONG: "CONTEXT_LENGTH_EXCEEDED",
  /** The provider refused what the caller wrote. */
  BAD_REQUEST: "UPSTREAM_REJECTED_REQUEST",
  /** A content filter of the provider refused the request. */
  CONTENT_FILTERED: "CONTENT_FILTERED",
  /** The body has too many bytes for the provider. */
  PAYLOAD_TOO_LARGE: "REQUEST_TOO_LARGE",
  /** A state at the provider stands against it. */
  CONFLICT: "UPSTREAM_FAILED",
  /** An answer of no known kind. */
  UNMAPPED: "UPSTREAM_FAILED",
  /** No connection in time. */
  TIMEOUT_CONNECT: "UPSTREAM_TIMEOUT",
  /** No content in time. */
  TIMEOUT_FIRST_TOKEN: "UPSTREAM_TIMEOUT",
  /** Content stopped coming. */
  TIMEOUT_PROGRESS: "UPSTREAM_TIMEOUT",
  /** The attempt took too long as a whole. */
  TIMEOUT_TOTAL: "UPSTREAM_TIMEOUT",
  /** The connection could not be made or broke before the answer. */
  CONNECTION: "UPSTREAM_FAILED",
  /** The stream ended without the proof that it is complete. */
  STREAM_BROKEN: "UPSTREAM_MALFORMED",
  /** The answer is not what the format says. */
  MALFORMED: "UPSTREAM_MALFORMED",
  /** The caller went away. */
  CANCELLED: "CANCELLED",
} as const satisfies Record<string, ErrorReason>;

/** Why an attempt failed. */
export type FailureClass = keyof typeof failureReasons;

/** What an error answer of a provider means. */
export interface UpstreamFailure {
  /** The class the router decides on. */
  class: FailureClass;
  /** Wait that the provider asked for; a floor, not a ceiling. Unit: milliseconds. */
  retryAfterMs?: number;
  /** The provider's code; empty when it gave none. At most 128 characters. */
  providerCode: string;
  /** The provider's type of error; empty when it gave none. At most 128 characters. */
  providerType: string;
  /** The provider's words, at most 256 characters, free of anything that looks like a key. */
  message: string;
  /** Further words of the provider that name the cause, for its kind's own rows. */
  details?: readonly string[];
  /** Name of the row that decided; empty or absent: none did. */
  rule?: string;
  /** True when the provider said something that no row knows. */
  unmapped?: boolean;
  /** What cools down, where that differs from the class's. */
  cooldown?: CooldownScope;
  /** What may be done, where that differs from the class's. */
  actions?: readonly FailureAction[];
}
