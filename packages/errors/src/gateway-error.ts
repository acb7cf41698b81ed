import type { Blame, ErrorReason, Retry } from "./reasons.ts";
import { reasons } from "./reasons.ts";

/** Where the error arose: with the caller, in Penstock, or at a provider. */
export type ErrorSource = "downstream" | "gateway" | "upstream";

/** A malformed field: its path in the request, what is wrong, and optionally a constant for it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
  readonly reason?: string;
}

/** A limit or budget without room. `limit` is its amount as decimal text; time is Unix time. */
export interface QuotaViolation {
  readonly subject: string;
  readonly quota: string;
  readonly metric: string;
  readonly limit: string;
  readonly description: string;
  readonly resetTimeMs?: number;
}

/** A state that forbids the request: a constant for it, on what, and what has to be done. */
export interface PreconditionViolation {
  readonly type: string;
  readonly subject: string;
  readonly description: string;
}

/** A resource that is missing, in use or forbidden, such as type `routes`, name `routes/smart`. */
export interface ResourceReference {
  readonly type: string;
  readonly name: string;
}

/** Why one candidate was not asked, or did not answer. */
export interface Exclusion {
  /** Resource name. */
  readonly deployment: string;
  /** Such as `require_parameters`, `cooldown`, `policies/eu`, `attempt.RATE_LIMITED`. */
  readonly rule: string;
  /** A sentence. */
  readonly reason: string;
  /** The same with what only administrators may know; absent: there is no more. Callers never get it. */
  readonly detail?: string | undefined;
  /** Unix time from which it may be asked again; absent: not by waiting. */
  readonly untilTimeMs?: number;
}

/** Metadata of an error that waiting does not mend, though it mends others of its reason. */
export const neverRetry = { retry: "never" } as const;

/** Whether asking again can help after this very error. */
export function retryOf({ reason, metadata }: Pick<GatewayError, "reason" | "metadata">): Retry {
  return metadata["retry"] === neverRetry.retry ? "never" : reasons[reason].retry;
}

/** What an error carries besides its reason and its sentence. */
export interface GatewayErrorOptions {
  readonly source?: ErrorSource | undefined;
  /** Rounded up to a whole number: clocks count fractions, and whoever asks too early asks twice. */
  readonly retryAfterMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly fieldViolations?: readonly FieldViolation[] | undefined;
  readonly quotaViolations?: readonly QuotaViolation[] | undefined;
  readonly preconditionViolations?: readonly PreconditionViolation[] | undefined;
  readonly resource?: ResourceReference | undefined;
  /** One entry per candidate, where no target answered. */
  readonly exclusions?: readonly Exclusion[] | undefined;
  /** The request the error belongs to, known to a client that received the error. */
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

const sourceOfBlame: Record<Blame, ErrorSource> = {
  caller: "downstream",
  policy: "gateway",
  quota: "gateway",
  provider: "upstream",
  gateway: "gateway",
};

/**
 * The one error value of Penstock. The message is a sentence for the caller: what is wrong and
 * what to do; it goes out as it is, so no text of a provider or a database belongs in it. The
 * cause is for the log and never leaves the process.
 */
export class GatewayError extends Error {
  readonly reason: ErrorReason;
  readonly source: ErrorSource;
  readonly retryAfterMs: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fieldViolations: readonly FieldViolation[];
  readonly quotaViolations: readonly QuotaViolation[];
  readonly preconditionViolations: readonly PreconditionViolation[];
  readonly resource: ResourceReference | undefined;
  readonly exclusions: readonly Exclusion[];
  readonly requestId: string | undefined;

  constructor(reason: ErrorReason, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GatewayError";
    this.reason = reason;
    this.source = options.source ?? sourceOfBlame[reasons[reason].blame];
    const { retryAfterMs } = options;
    this.retryAfterMs = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs);
    this.metadata = options.metadata ?? {};
    this.fieldViolations = options.fieldViolations ?? [];
    this.quotaViolations = options.quotaViolations ?? [];
    this.preconditionViolations = options.preconditionViolations ?? [];
    this.resource = options.resource;
    this.exclusions = options.exclusions ?? [];
    this.requestId = options.requestId;
  }

  /** The same error, telling also why each candidate did not answer. */
  withExclusions(exclusions: readonly Exclusion[]): GatewayError {
    if (exclusions.length === 0) return this;
    return new GatewayError(this.reason, this.message, {
      source: this.source,
      retryAfterMs: this.retryAfterMs,
      metadata: this.metadata,
      fieldViolations: this.fieldViolations,
      quotaViolations: this.quotaViolations,
      preconditionViolations: this.preconditionViolations,
      resource: this.resource,
      requestId: this.requestId,
      cause: this.cause,
      exclusions,
    });
  }
}
