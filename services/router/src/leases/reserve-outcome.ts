import type { CompiledQuota } from "@penstock/snapshot";
import type { Reservation } from "./reservation.ts";

/** What one request takes, or may take, of one quota. */
export interface QuotaUse {
  readonly quota: CompiledQuota;
  /** Canonical key of the instance: `quota.keyFor(endUser)`. */
  readonly key: string;
  /** Amount to hold, in the quota's unit; a whole number, at least 0. */
  readonly amount: number;
}

/** All is held. */
export interface Reserved {
  readonly kind: "reserved";
  readonly reservation: Reservation;
}

/**
 * Why there was no answer of quota: it was `late`, after `waitedMs`; it left those without one who
 * came before, so that nobody waits (`skipped`); the last call to it failed (`away`), or was refused
 * because quota takes nothing of this life of the router (`refused`).
 */
export type QuotaSilence =
  | { readonly state: "late"; readonly waitedMs: number }
  | { readonly state: "skipped" | "away" | "refused" };

/** How long a request waits for quota at most. Unit: milliseconds. */
export interface QuotaWait {
  /** Where nothing is known of quota, or nothing good. */
  readonly usualMs: number;
  /** Where it has answered the last call within this time, and everybody who waited. */
  readonly aliveMs: number;
}

/** Nothing is held: one of the quotas has no room, or can't say. */
export interface QuotaRefused {
  readonly kind: "refused";
  readonly use: QuotaUse;
  /** `exhausted`: there is no room; `unavailable`: quota could not be asked. */
  readonly cause: "exhausted" | "unavailable";
  /** Wall time at which there may be room again; undefined: not known. */
  readonly resetTimeMs: number | undefined;
  /** Of `unavailable`; undefined: quota was not the reason. */
  readonly silence?: QuotaSilence | undefined;
}

/** Nothing is held: quota has to be asked first, see `LeaseBook.waitForGrant`. */
export interface MustWait {
  readonly kind: "wait";
  /** The uses that found no room. */
  readonly missing: readonly QuotaUse[];
}

/** What became of a request for room on all quotas of a request at once. */
export type ReserveOutcome = Reserved | MustWait | QuotaRefused;

/** Told once how waiting ended; never called within `waitForGrant` itself. */
export interface GrantWaiter {
  onGrantSettled(outcome: Reserved | QuotaRefused): void;
}
