import type { CooldownScope, FailureClass } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { ProviderLimits } from "@penstock/providers";

/** How one attempt ended, as far as the health of its target goes. */
export interface TargetOutcome {
  readonly class: FailureClass | "OK";
  /** From the start of the attempt to its first content. */
  readonly firstTokenMs?: number | undefined;
  /** Wait that the provider asked for. */
  readonly retryAfterMs?: number | undefined;
  /** What it is about, where that is not what its class says. */
  readonly cooldown?: CooldownScope | undefined;
  /** What `began` said of it. */
  readonly isOpenTry?: boolean;
  /** What the provider said of its failure; absent: nothing. */
  readonly said?: string | undefined;
}

/** Why a target is not to be asked now. */
export type HealthRefusal =
  | "breaker_open"
  | "probing"
  | "cooldown"
  | "credential_refused"
  | "deployment_refused"
  | "used_up"
  | "hinted"
  | "limit_reached"
  | "full";

/** Whether a target may be asked now, and otherwise when it may be again. */
export type Admission =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: HealthRefusal;
      /** Undefined: as soon as an attempt ends. */
      readonly untilMs: MonotonicMs | undefined;
    };

/** A breaker opened, or closed again. Rare by its nature: it stays open for 5 s or longer. */
export type BreakerEvent =
  | { readonly state: "closed"; readonly deployment: string }
  | {
      readonly state: "open";
      readonly deployment: string;
      /** What the attempt was that opened it. */
      readonly class: FailureClass;
      /** Until one attempt may look whether it is back. */
      readonly retryInMs: number;
      /** How often it opened since it was last well for long. */
      readonly openings: number;
    };

/** How one target does. */
export interface TargetHealthInfo {
  /** Resource name of the deployment. */
  readonly deployment: string;
  readonly admission: Admission;
  /** What the provider said when it refused; empty: the target is not left alone for a refusal. */
  readonly refusal: string;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  readonly consecutiveFailures: number;
  /** Smoothed, with 5 s for each failure; undefined: nothing known. */
  readonly firstTokenMs: number | undefined;
  /** What its provider told last of its limits; undefined: it is not known to tell. */
  readonly limits: ProviderLimits | undefined;
}
