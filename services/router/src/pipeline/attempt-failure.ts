import type { GatewayError } from "@penstock/errors";
import { failureOfError, failureReasons, refineFailure } from "@penstock/formats";
import type {
  CooldownScope,
  FailureAction,
  FailureCircumstances,
  FailureClass,
  UpstreamFailure,
} from "@penstock/formats";
import { findProvider } from "@penstock/providers";
import type { CompiledTarget } from "@penstock/snapshot";
import type { TransportFailure } from "../upstream/upstream-call.ts";
import { causeOfAnswer, redirectOrigin } from "./failure-cause.ts";
import type { FailureCause } from "./failure-cause.ts";

/** Why an attempt failed. */
export interface AttemptFailure {
  readonly class: FailureClass;
  readonly retryAfterMs: number | undefined;
  /** The provider's code, at most 128 characters; empty when it gave none. */
  readonly providerCode: string;
  /** The provider's type of error, at most 128 characters; empty when it gave none. */
  readonly providerType?: string;
  /** The provider's words, at most 256 characters, redacted. */
  readonly providerMessage: string;
  /** What cools down, where that is not what the class says. */
  readonly cooldown?: CooldownScope | undefined;
  /** What may be done, where that is not what the class says. */
  readonly actions?: readonly FailureAction[] | undefined;
  /** What is known beyond the class; absent: nothing. */
  readonly cause?: FailureCause | undefined;
  /** The system's name of what broke a connection, such as `ENOTFOUND`, or the origin that a
   * redirect leads to; absent: none. For administrators, not for callers. */
  readonly transportCode?: string | undefined;
  /** True when the provider said something that no table knows. */
  readonly unmapped?: boolean | undefined;
}

/** The answer that tells of a failure. */
export interface AnswerCircumstances extends FailureCircumstances {
  /** 0: inside an answer of status 200. */
  readonly status: number;
  readonly inBand: boolean;
}

/** A failure that an error answer tells, with what its provider's kind knows beyond the format. */
export function failureOfAnswer(
  failure: UpstreamFailure,
  target: CompiledTarget,
  answer: AnswerCircumstances,
): AttemptFailure {
  const rules = findProvider(target.deployment.provider.kind)?.failureRules ?? [];
  const refined = refineFailure(failure, rules, answer);
  const cause = causeOfAnswer(refined, target, answer);
  const leadsTo =
    cause === "redirected" ? redirectOrigin(answer.header("location"), target) : undefined;
  return {
    class: refined.class,
    retryAfterMs: refined.retryAfterMs,
    providerCode: refined.providerCode,
    providerType: refined.providerType,
    providerMessage: refined.message,
    cooldown: refined.cooldown,
    actions: refined.actions,
    cause,
    transportCode: leadsTo,
    unmapped: refined.unmapped,
  };
}

/** A failure that a reader of answers found: told by the provider, or seen by the reader. */
export function failureOfReader(
  error: GatewayError,
  target: CompiledTarget,
  answer: AnswerCircumstances,
): AttemptFailure {
  const told = failureOfError(error);
  if (told !== undefined) return failureOfAnswer(told, target, answer);
  const named = error.metadata["failure_class"] ?? "";
  const known = Object.hasOwn(failureReasons, named);
  return {
    ...plainFailure(known ? (named as FailureClass) : "MALFORMED"),
    retryAfterMs: error.retryAfterMs,
  };
}

/** A failure of the connection; `answering`: after the head of an answer of success. */
export function failureOfTransport(
  { class: failureClass, cause, code }: TransportFailure,
  answering: boolean,
): AttemptFailure {
  // Once an answer has begun, a broken connection is a broken answer.
  if (answering && failureClass === "CONNECTION") return plainFailure("STREAM_BROKEN");
  return { ...plainFailure(failureClass), cause, transportCode: code };
}

/** A failure of which the provider said nothing. */
export function plainFailure(failureClass: FailureClass): AttemptFailure {
  return {
    class: failureClass,
    retryAfterMs: undefined,
    providerCode: "",
    providerMessage: "",
  };
}

/** What the provider said, for administrators: status, code and words; empty: nothing. */
export function wordsOfFailure(
  httpStatus: number,
  { providerCode, providerType = "", providerMessage }: AttemptFailure,
): string {
  const code = providerCode === "" ? providerType : providerCode;
  const parts = [httpStatus === 0 ? "" : `HTTP status ${httpStatus}`, code];
  if (providerMessage !== "") parts.push(`"${providerMessage}"`);
  return parts.filter((part) => part !== "").join(" ");
}
