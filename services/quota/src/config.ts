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
  },
} as const;

/** Reads the settings from the environment; throws one GatewayError with all problems. */
export function readQuotaConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): QuotaConfig {
  return readEnvironment(quotaEnvironment, environment === undefined ? {} : { environment });
}
