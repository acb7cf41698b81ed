import { GatewayError, reasons, unreadableSentence } from "@penstock/errors";
import { failureReasons } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import { failureEffects } from "../health/failure-effects.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { causeSentences } from "./failure-cause.ts";
import type { RequestContext } from "./request-context.ts";

/** What the caller reads, by class; nothing of it is the provider's text. */
const sentences: Record<FailureClass, string> = {
  RATE_LIMITED: "limits its requests",
  QUOTA_EXHAUSTED: "says that its account is used up",
  OVERLOADED: "is overloaded",
  UPSTREAM_ERROR: "failed",
  AUTH_FAILED: "refused Penstock's credential",
  PERMISSION: "refused access to the model",
  MODEL_NOT_FOUND: "does not know the model",
  CONTEXT_TOO_LONG: "says that the input is too long for the model",
  BAD_REQUEST: "refused the request as malformed",
  CONTENT_FILTERED: "refused the content of the request",
  PAYLOAD_TOO_LARGE: "says that the body is too large",
  CONFLICT: "could not take the request in its state",
  UNMAPPED: "gave an answer of no known kind",
  TIMEOUT_CONNECT: "could not be connected in time",
  TIMEOUT_FIRST_TOKEN: "sent no content in time",
  TIMEOUT_PROGRESS: "stopped sending content",
  TIMEOUT_TOTAL: "did not finish in time",
  CONNECTION: "could not be reached, or dropped the connection",
  STREAM_BROKEN: "broke the answer off",
  MALFORMED: unreadableSentence,
  CANCELLED: "was not read any more, as the caller stopped reading",
};

/** Classes in which the caller erred, so that the provider's words help it. */
const callersMistake: ReadonlySet<FailureClass> = new Set([
  "BAD_REQUEST",
  "CONTEXT_TOO_LONG",
  "CONTENT_FILTERED",
  "PAYLOAD_TOO_LARGE",
]);

/**
 * The error of a request whose last attempt failed so. After the commit point the reason is
 * STREAM_INTERRUPTED, whatever broke it: the caller holds a part of an answer.
 */
export function errorOfAttempt(
  run: Pick<AttemptRun, "target" | "committed" | "httpStatus">,
  failure: AttemptFailure,
  attempts: number,
): GatewayError {
  const { deployment } = run.target;
  const provider = deployment.provider.name;
  const said = callersMistake.has(failure.class) ? quoted(failure.providerMessage) : "";
  const reason = run.committed ? "STREAM_INTERRUPTED" : failureReasons[failure.class];
  const status = String(run.httpStatus);
  const words = failure.cause && causeSentences[failure.cause].replace("{status}", status);
  const what = `${provider} ${words ?? sentences[failure.class]}${said}`;
  const message = run.committed
    ? `The answer broke off after content had been sent: ${what}. Ask again for a whole one.`
    : `The provider ${what}.${tried(attempts)}${advice(failure)}`;
  return new GatewayError(reason, message, {
    source: "upstream",
    retryAfterMs: retryAfter(failure, reason),
    metadata: {
      provider,
      deployment: deployment.name,
      attempts: String(attempts),
      failure_class: failure.class,
      ...(failure.cause === undefined ? {} : { failure_cause: failure.cause }),
      ...(run.httpStatus === 0 ? {} : { provider_status: status }),
      ...(failure.providerCode === "" ? {} : { provider_code: failure.providerCode }),
      ...(run.committed ? { committed: "true" } : {}),
    },
  });
}

/** The request, as far as its time goes. */
type TimedRequest = Pick<RequestContext, "attempts" | "deadlineMs" | "route" | "startMonotonicMs">;

/**
 * The same, unless it was the request's own time that was up: before anything came, or, where the
 * caller had set it, at any moment.
 */
export function errorOfEnded(
  request: TimedRequest,
  run: Pick<AttemptRun, "target" | "committed" | "httpStatus">,
  failure: AttemptFailure,
  nowMs: number,
): GatewayError {
  const { attempts, deadlineMs, startMonotonicMs, route } = request;
  // Timers of the event loop may fire up to a millisecond early.
  const isOver = failure.class === "TIMEOUT_TOTAL" && nowMs + 1 >= deadlineMs;
  const timeoutMs = deadlineMs - startMonotonicMs;
  const isCallers = route === undefined || timeoutMs < route.totalTimeoutMs;
  if (!isOver || (run.committed && !isCallers)) {
    return errorOfAttempt(run, failure, attempts.length);
  }
  const whose = isCallers ? "that the caller set" : "that the route sets";
  const when = run.committed
    ? "while the answer was coming. Ask again for a whole one, and allow more time."
    : "before a provider had answered. Allow more time.";
  return new GatewayError(
    "DEADLINE_EXCEEDED",
    `The deadline ${whose}, ${Math.round(timeoutMs)} ms, passed ${when}`,
    {
      source: isCallers ? "downstream" : "gateway",
      metadata: {
        attempts: String(attempts.length),
        timeout_ms: String(Math.round(timeoutMs)),
        ...(run.committed ? { committed: "true" } : {}),
      },
    },
  );
}

function quoted(words: string): string {
  return words === "" ? "" : `: "${words}"`;
}

function tried(attempts: number): string {
  return attempts > 1 ? ` ${attempts} attempts were made.` : "";
}

/** Quarantined for minutes, and not mended by time: "try again" would contradict the next answer. */
function needsAdministrator(failureClass: FailureClass): boolean {
  const effect = failureEffects[failureClass];
  return effect === "refused" || effect === "used_up";
}

/** By cause: what does not mend itself, and where. */
const whatToLookAt: Readonly<Record<string, string>> = {
  name_unknown: "the provider's address",
  address_refused: "the provider's address",
  path_unknown: "the provider's address",
  tls_failed: "the provider's address and certificate",
};

function advice({ class: failureClass, cause, transportCode }: AttemptFailure): string {
  // A server of names that does not answer may do so soon.
  const look = transportCode === "EAI_AGAIN" ? undefined : whatToLookAt[cause ?? ""];
  if (look !== undefined) return ` An administrator must look at ${look}.`;
  if (needsAdministrator(failureClass)) return " An administrator must act.";
  switch (reasons[failureReasons[failureClass]].retry) {
    case "later":
      return " Try again later.";
    case "same":
      return " Try again.";
    case "never":
      return "";
  }
}

function retryAfter(failure: AttemptFailure, reason: keyof typeof reasons): number | undefined {
  if (failure.retryAfterMs !== undefined) return failure.retryAfterMs;
  if (needsAdministrator(failure.class)) return undefined;
  return reasons[reason].retry === "later" ? 1_000 : undefined;
}
