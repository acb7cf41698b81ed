import type { Settings } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";

/** Settings of the service. */
export interface PolicyConfig {
  /** How often the bus is compared with the database and old rows are swept. */
  readonly housekeepingIntervalMs: number;
}

/** The variables of the policy service. */
export const policyEnvironment = {
  housekeepingIntervalMs: {
    name: "PENSTOCK_POLICY_HOUSEKEEPING_INTERVAL",
    kind: "duration",
    default: 60_000,
    min: 1_000,
    max: 3_600_000,
    roles: ["policy"],
    meaning: "How often the bus is compared with the database and old rows are swept.",
  },
} as const satisfies Settings;

/** Reads the settings; all problems are in the one error that is thrown (FIELD_INVALID). */
export function readPolicyConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): PolicyConfig {
  return readEnvironment(policyEnvironment, environment === undefined ? {} : { environment });
}
