import type { Settings } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";

/** Settings of the telemetry service. */
export interface TelemetryConfig {
  /** How long usage records are kept, in days. */
  readonly usageRetentionDays: number;
}

/** The variables of the telemetry service. */
export const telemetryEnvironment = {
  usageRetentionDays: {
    name: "PENSTOCK_USAGE_RETENTION_DAYS",
    kind: "integer",
    default: 400,
    min: 1,
    max: 36_500,
    unit: "days",
    roles: ["telemetry"],
    meaning: "How long usage records are kept.",
  },
} as const satisfies Settings;

/** Reads the settings from the environment; throws one GatewayError with all problems. */
export function readTelemetryConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): TelemetryConfig {
  return readEnvironment(telemetryEnvironment, environment === undefined ? {} : { environment });
}
