import { GatewayError } from "@penstock/errors";
import { makePeriodCalculator, parseQuotaKey, wallMs } from "@penstock/limits";
import type { Period } from "@penstock/limits";

import type { PeriodName } from "./account.ts";

/** What the amounts of a quota count. */
export type UnitName = "requests" | "tokens" | "nano_usd";

/** What the ledger needs to know of a limit or budget; a compiled quota of a snapshot fits. */
export interface QuotaDefinition {
  /** Resource name. */
  readonly name: string;
  readonly kind: "limit" | "budget";
  readonly unit: UnitName;
  readonly amount: bigint;
  readonly period: PeriodName;
  /** IANA name; of meaning for days and months. */
  readonly timeZone: string;
  /** Canonical key of the instance that counts this end user. */
  keyFor(endUser: string): string;
}

/** The configuration as far as the ledger reads it. */
export interface QuotaConfiguration {
  current():
    | { readonly revision: bigint; readonly quotas: ReadonlyMap<string, QuotaDefinition> }
    | undefined;
}

/** Resource name of the limit or budget that a canonical key is an instance of; undefined: no key. */
export function resourceOfKey(key: string): string | undefined {
  try {
    const { quotaName } = parseQuotaKey(key);
    return /^(limits|budgets)\/./.test(quotaName) ? quotaName : undefined;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

const calculators = new Map<string, (now: ReturnType<typeof wallMs>) => Period>();
// Kinds times zones in use; the database of zones has about 600 names.
const maximumCalculators = 1_500;

/** The calendar period of a budget that contains `atMs`. */
export function calendarPeriod(
  definition: Pick<QuotaDefinition, "period" | "timeZone">,
  atMs: number,
): { startMs: number; endMs: number } {
  const { period, timeZone } = definition;
  if (period === "minute") throw new TypeError("a sliding minute has no calendar period");
  const name = `${period} ${timeZone}`;
  let calculator = calculators.get(name);
  if (calculator === undefined) {
    if (calculators.size >= maximumCalculators) calculators.clear();
    calculator = makePeriodCalculator(period, timeZone === "" ? "UTC" : timeZone);
    calculators.set(name, calculator);
  }
  return calculator(wallMs(atMs));
}
