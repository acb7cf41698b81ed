import type { MonotonicMs } from "@penstock/limits";
import type { CompiledQuota } from "@penstock/snapshot";

const periodMs = { minute: 60_000, day: 86_400_000, month: 2_592_000_000 } as const;

/** 5 % of the limit, or 60 s of its mean rate, whichever is smaller (reliability §2.11). */
const cappedShare = 0.05;
const cappedSeconds = 60;

/** What may be used of a quota that the quota service does not know yet (decisions §6). */
const bootstrapAmounts = { requests: 10, tokens: 10_000, nano_usd: 0 } as const;

/** An amount that may be used without a lease within one period. Changed in place. */
export interface UnleasedAllowance {
  /** Used and held since `since`; falls again when a request uses less than it held. */
  used: number;
  since: MonotonicMs;
}

/** An allowance of which nothing is used. */
export function createAllowance(now: MonotonicMs): UnleasedAllowance {
  return { used: 0, since: now };
}

/** Takes `amount` if it fits under `cap`. A period after the first use the allowance is fresh. */
export function takeAllowance(
  allowance: UnleasedAllowance,
  quota: CompiledQuota,
  amount: number,
  ...[cap, now]: [cap: number, now: MonotonicMs]
): boolean {
  if (allowance.used === 0 || now - allowance.since >= periodMs[quota.period]) {
    allowance.used = 0;
    allowance.since = now;
  }
  if (allowance.used + amount > cap) return false;
  allowance.used += amount;
  return true;
}

/** A request ended: it had held `amount` and used `actual`. */
export function settleAllowance(
  allowance: UnleasedAllowance,
  amount: number,
  actual: number,
): void {
  allowance.used = Math.max(0, allowance.used - amount + actual);
}

/** The cap of `allow_capped`, in the quota's unit; a rate always lets one request through. */
export function cappedAllowance(quota: CompiledQuota): number {
  const amount = Number(quota.amount);
  const meanRate = (amount * cappedSeconds * 1000) / periodMs[quota.period];
  const cap = Math.floor(Math.min(amount * cappedShare, meanRate));
  return quota.kind === "limit" ? Math.max(1, cap) : cap;
}

/** The cap while the quota service answers that it does not know the quota yet. */
export function bootstrapAllowance(quota: CompiledQuota): number {
  return Math.min(bootstrapAmounts[quota.unit], Number(quota.amount));
}
