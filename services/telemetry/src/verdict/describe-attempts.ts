import { AttemptKind } from "@penstock/api";
import type { Attempt } from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";

/**
 * What happened in each attempt, such as "providers/alpha answered 503 to attempt 1; providers/beta
 * answered attempt 2". Empty when there was none. `reason`: that of the request's error, if it had
 * one; an attempt that was stopped tells no other story.
 */
export function describeAttempts(attempts: readonly Attempt[], reason?: ErrorReason): string {
  return attempts.map((attempt) => describeAttempt(attempt, reason)).join("; ");
}

function describeAttempt(attempt: Attempt, reason: ErrorReason | undefined): string {
  const { number, httpStatus, outcome } = attempt;
  const provider = attempt.provider === "" ? "a provider" : attempt.provider;
  const beside = attempt.kind === AttemptKind.HEDGE ? ", made beside a slow one" : "";
  if (outcome === "OK") return `${provider} answered attempt ${number}${beside}`;
  // Callers that go away are told of otherwise, unless they had a part of the answer.
  if (outcome === "CANCELLED" && !attempt.committed)
    return `${provider} was called off in attempt ${number}${beside}`;
  const cause = causes.get(attempt.failureCause.split(" ", 1)[0] ?? "");
  if (cause !== undefined) {
    const status = attempt.failureCause.startsWith("status_unknown") ? ` (${httpStatus})` : "";
    return `${provider} ${cause} in attempt ${number}${status}${codeOf(attempt)}`;
  }
  if (outcome === "CANCELLED") return `${provider} was stopped${whyStopped(reason)} ${number}`;
  const told = happenings.get(outcome);
  if (told !== undefined) return `${provider} ${told} attempt ${number}`;
  if (httpStatus > 0) return `${provider} answered ${httpStatus} to attempt ${number}`;
  const how = outcome === "" ? "failed" : `failed (${outcome})`;
  return `${provider} ${how} in attempt ${number}`;
}

/** Attempts are stopped for callers, and for what the router itself says of the request. */
function whyStopped(reason: ErrorReason | undefined): string {
  switch (reason) {
    case undefined:
    case "CANCELLED":
    case "STREAM_INTERRUPTED":
      return ", because the caller went away, in attempt";
    case "DRAINING":
      return ", because its router was shut down, in attempt";
    default:
      return " in attempt";
  }
}

/** The system's own name of what went wrong, for whoever mends it. */
function codeOf({ failureCause }: Attempt): string {
  const code = failureCause.split(" ")[1];
  return code === undefined ? "" : ` (${code})`;
}

/** What is known beyond the class of a failure; the same words as the router's. */
const causes = new Map<string, string>([
  ["name_unknown", "has a host name that could not be resolved"],
  ["connection_refused", "refused the connection"],
  ["network_unreachable", "could not be reached over the network"],
  ["address_refused", "is at an address that may not be called"],
  ["tls_failed", "could not be called, as TLS failed"],
  ["connection_dropped", "dropped the connection before it answered"],
  ["path_unknown", "answered 404 and named no model, so that its base URL may be wrong,"],
  [
    "redirected",
    "redirects to another address, which Penstock never follows: its base URL is wrong,",
  ],
  ["status_unknown", "refused the request with a status of which no meaning is known,"],
  ["no_credential", "asked for a credential, of which none is configured,"],
]);

/** Failures that are no answer with a status, by class (formats' failure classes). */
const happenings = new Map<string, string>([
  ["TIMEOUT_CONNECT", "could not be reached in time in"],
  ["TIMEOUT_FIRST_TOKEN", "sent no content in time in"],
  ["TIMEOUT_PROGRESS", "stopped sending content in"],
  ["TIMEOUT_TOTAL", "took too long over"],
  ["CONNECTION", "could not be reached, or hung up, in"],
  ["STREAM_BROKEN", "broke off its answer in"],
  ["MALFORMED", "did not keep to its format in"],
]);
