import { readEnvironment } from "@penstock/runtime";

/** Settings of the service. */
export interface PolicyConfig {
  /** How often the bus is compared with the database and old rows are swept. */
  readonly housekeepingIntervalMs: number;
}

/** Reads the settings; all problems are in the one error that is thrown (FIELD_INVALID). */
export function readPolicyConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): PolicyConfig {
  return readEnvironment(
    {
      housekeepingIntervalMs: {
        name: "PENSTOCK_POLICY_HOUSEKEEPING_INTERVAL",
        kind: "duration",
        default: 60_000,
        min: 1_000,
        max: 3_600_000,
      },
    },
    environment === undefined ? {} : { environment },
  );
}
