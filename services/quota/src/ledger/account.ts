/**
 * What one quota instance has taken in one period, or in one slot of a sliding minute. `posted` is
 * charged for good (below 0 after a credit), `pending` used with the events on their way,
 * `leased` lent and not used as far as known.
 */
export interface Account {
  readonly quota: string;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  readonly period: PeriodName;
  readonly posted: bigint;
  readonly pending: bigint;
  readonly leased: bigint;
  /** Charged although it was over the amount. */
  readonly overshoot: bigint;
  /**
   * The highest amount under which something was lent, or charged after that; undefined: nothing
   * was lent yet.
   */
  readonly highestAmount: bigint | undefined;
}

/** How a quota's periods are formed; `minute` is the sliding one, kept as slots. */
export type PeriodName = "minute" | "day" | "month";

/** An account in which nothing happened yet. */
export function emptyAccount(
  quota: string,
  period: { readonly startMs: number; readonly endMs: number; readonly name: PeriodName },
): Account {
  return {
    quota,
    periodStartMs: period.startMs,
    periodEndMs: period.endMs,
    period: period.name,
    posted: 0n,
    pending: 0n,
    leased: 0n,
    overshoot: 0n,
    highestAmount: undefined,
  };
}

/** Everything that counts against the amount. */
export function totalOf(account: Account): bigint {
  return account.posted + account.pending + account.leased;
}

/**
 * The account when something is lent, or charged, under `amount`. The database checks that the total never
 * passes the highest such amount plus the overshoot.
 */
export function underAmount(account: Account, amount: bigint): Account {
  const before = account.highestAmount;
  const highestAmount = before === undefined || amount > before ? amount : before;
  const excess = totalOf(account) - highestAmount - account.overshoot;
  const overshoot = excess > 0n ? account.overshoot + excess : account.overshoot;
  return { ...account, highestAmount, overshoot };
}
