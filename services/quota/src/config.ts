import type { Settings } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";

/** Settings of the quota service. */
export interface QuotaConfig {
  /** How long charges of budgets can be listed, in days; more than the longest period. */
  readonly transferRetentionDays: number;
}

/** The variables of the quota service. */
export const quotaEnvironment = {
  transferRetentionDays: {
    name: "PENSTOCK_LEDGER_RETENTION_DAYS",
    kind: "integer",
    default: 400,
    min: 32,
    max: 36_500,
    unit: "days",
    roles: ["quota"],
    meaning: "How long charges of budgets can be listed; more than the longest period.",
  },
} as const satisfies Settings;

/** Reads the settings from the environment; throws one GatewayError with all problems. */
export function readQuotaConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): QuotaConfig {
  return readEnvironment(quotaEnvironment, environment === undefined ? {} : { environment });
}
