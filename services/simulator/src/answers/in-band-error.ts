import type { VendorError } from "../vendor-error.ts";
import type { Call } from "./call.ts";

/** The error that comes inside an answer whose head said 200: overload, if nothing else is said. */
export function inBandError({ scenario }: Call): VendorError {
  const kind = scenario.error ?? "overloaded";
  return { kind, message: `simulated ${kind}`, retryAfterSeconds: scenario.retryAfterSeconds };
}
