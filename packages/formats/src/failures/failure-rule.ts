import type { FailureClass, HeaderGetter } from "../upstream-failure.ts";

/**
 * What may be done after a failure, in the letters of the catalogue: R the same deployment again,
 * K another deployment of the same provider with another credential or address, F whatever the
 * route names next, C back to the caller.
 */
export type FailureAction = "R" | "K" | "F" | "C";

/** What is left alone for a while after a failure. */
export type CooldownScope = "key" | "deployment" | "model" | "provider" | "none";

/** What an error answer says, wherever its format keeps that. */
export interface FailureFacts {
  /** HTTP status; of an error within an answer the status that it names itself, 0 when it does not. */
  readonly status: number;
  /** True when it came inside an answer whose status promised success. */
  readonly inBand: boolean;
  /** The provider's code; empty when it gave none. */
  readonly code: string;
  /** The provider's type of error; empty when it gave none. */
  readonly type: string;
  /** The provider's words as they came. */
  readonly message: string;
  /** Further words that name the cause, such as the reason of an ErrorInfo or the id of a quota. */
  readonly details?: readonly string[];
  /** Wait that the body names, such as that of a RetryInfo. Unit: milliseconds. */
  readonly bodyWaitMs?: number | undefined;
}

/**
 * One row of knowledge: all conditions that are given must hold. Rows are asked in order and the
 * first one wins, so that the particular stands before the general.
 */
export interface FailureRule {
  /** Name of the row, unique in its table; shown to operators. */
  readonly id: string;
  readonly status?: readonly number[];
  readonly code?: readonly string[];
  readonly type?: readonly string[];
  /** Any of the further words. */
  readonly detail?: readonly string[];
  /** Only where nothing else tells; linear, as it sees up to 2,048 characters of a stranger. */
  readonly message?: RegExp;
  /** A header, lower case, and what its value must be like. */
  readonly header?: { readonly name: string; readonly value: RegExp };
  /** True: only inside an answer; false: only as an answer. */
  readonly inBand?: boolean;
  readonly class: FailureClass;
  /** Where it differs from that of its class. */
  readonly cooldown?: CooldownScope;
  /** Where they differ from those of its class. */
  readonly actions?: readonly FailureAction[];
}

/** What is looked at beside the facts. */
export interface FailureCircumstances {
  readonly header: HeaderGetter;
  /** Wall time, for waits that are told as dates. */
  readonly nowMs: number;
}
