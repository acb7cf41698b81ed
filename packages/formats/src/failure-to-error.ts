import { GatewayError } from "@penstock/errors";
import { failureReasons, type FailureClass, type UpstreamFailure } from "./upstream-failure.ts";

const sentences: Record<FailureClass, string> = {
  RATE_LIMITED: "The provider's rate limit is reached; try again later.",
  QUOTA_EXHAUSTED: "The provider's account is used up; an administrator must act.",
  OVERLOADED: "The provider is overloaded; try again later.",
  UPSTREAM_ERROR: "The provider failed; try again.",
  AUTH_FAILED: "The provider refused the gateway's credential; an administrator must act.",
  PERMISSION: "The provider does not allow the gateway this model; an administrator must act.",
  MODEL_NOT_FOUND: "The provider does not know the model; an administrator must act.",
  CONTEXT_TOO_LONG: "The input is too long for the model; shorten it.",
  BAD_REQUEST: "The provider refused the request; see provider_message.",
  CONTENT_FILTERED: "A content filter of the provider refused the request.",
  PAYLOAD_TOO_LARGE: "The request has too many bytes for the provider; make it smaller.",
  CONFLICT: "The provider's state stands against the request; try again.",
  UNMAPPED: "The provider answered with an unknown error; try again.",
  TIMEOUT_CONNECT: "The provider could not be reached in time; try again.",
  TIMEOUT_FIRST_TOKEN: "The provider did not begin to answer in time; try again.",
  TIMEOUT_PROGRESS: "The provider stopped answering; try again.",
  TIMEOUT_TOTAL: "The provider did not answer in time; try again.",
  CONNECTION: "The connection to the provider broke; try again.",
  STREAM_BROKEN: "The provider's stream ended before the answer was complete; try again.",
  MALFORMED: "The provider's answer is not what its format says; try again.",
  CANCELLED: "The caller went away.",
};

/** Classes in which the provider speaks about what the caller wrote. */
const aboutCaller: readonly FailureClass[] = [
  "BAD_REQUEST",
  "CONTEXT_TOO_LONG",
  "CONTENT_FILTERED",
];

/**
 * The error that a failure becomes when no other target helps: our sentence, the class and the
 * provider's codes in the metadata, the provider's redacted words only where they are about the
 * caller's own request. Its cause is the failure itself, for the router.
 */
export function failureToError(failure: UpstreamFailure): GatewayError {
  const metadata: Record<string, string> = { failure_class: failure.class };
  if (failure.providerCode !== "") metadata["provider_code"] = failure.providerCode;
  if (failure.providerType !== "") metadata["provider_type"] = failure.providerType;
  if (failure.message !== "" && aboutCaller.includes(failure.class)) {
    metadata["provider_message"] = failure.message;
  }
  return new GatewayError(failureReasons[failure.class], sentences[failure.class], {
    source: "upstream",
    metadata,
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    cause: failure,
  });
}

/** The failure that an error of `failureToError` stands for; undefined for any other error. */
export function failureOfError(error: GatewayError): UpstreamFailure | undefined {
  const { cause } = error;
  if (typeof cause !== "object" || cause === null || !("providerCode" in cause)) return undefined;
  return cause as UpstreamFailure;
}

/** A failure that no error answer told, as an error; `detail` says what was seen. */
export function localFailure(failureClass: FailureClass, detail: string): GatewayError {
  return new GatewayError(failureReasons[failureClass], sentences[failureClass], {
    source: failureClass === "CANCELLED" ? "downstream" : "upstream",
    metadata: { failure_class: failureClass, detail: detail.slice(0, 256) },
  });
}
