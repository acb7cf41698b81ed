import type { Attempt } from "@penstock/api";

/**
 * What happened in each attempt, such as "providers/alpha answered 503 to attempt 1; providers/beta
 * answered attempt 2". Empty when there was none.
 */
export function describeAttempts(attempts: readonly Attempt[]): string {
  return attempts.map(describeAttempt).join("; ");
}

function describeAttempt(attempt: Attempt): string {
  const { number, httpStatus, outcome } = attempt;
  const provider = attempt.provider === "" ? "a provider" : attempt.provider;
  if (outcome === "OK") return `${provider} answered attempt ${number}`;
  const told = happenings.get(outcome);
  if (told !== undefined) return `${provider} ${told} attempt ${number}`;
  if (httpStatus > 0) return `${provider} answered ${httpStatus} to attempt ${number}`;
  const how = outcome === "" ? "failed" : `failed (${outcome})`;
  return `${provider} ${how} in attempt ${number}`;
}

/** Failures that are no answer with a status, by class (formats' failure classes). */
const happenings = new Map<string, string>([
  ["TIMEOUT_CONNECT", "could not be reached in time in"],
  ["TIMEOUT_FIRST_TOKEN", "sent no content in time in"],
  ["TIMEOUT_PROGRESS", "stopped sending content in"],
  ["TIMEOUT_TOTAL", "took too long over"],
  ["CONNECTION", "could not be reached, or hung up, in"],
  ["STREAM_BROKEN", "broke off its answer in"],
  ["MALFORMED", "did not keep to its format in"],
  ["CANCELLED", "was stopped, because the caller went away, in"],
]);
