import { vi } from "vitest";

/** Everything that is waited for comes within milliseconds, but for a machine that is very busy. */
const patienceMs = 30_000;
const lookEveryMs = 10;

type Wait = typeof vi.waitFor;
type WaitOptions = Parameters<Wait>[1];

/** Waits of the product's tests end with what they wait for, not with the time of day. */
function patiently(options: WaitOptions = {}): WaitOptions {
  const given = typeof options === "number" ? { timeout: options } : options;
  const timeout = Math.max(given.timeout ?? 0, patienceMs);
  return { ...given, interval: given.interval ?? lookEveryMs, timeout };
}

const wrapped = Symbol.for("penstock.patient-waits");

// Files that share a worker share `vi`, too.
if (!(wrapped in vi)) {
  const { waitFor } = vi;
  const patient: Wait = (callback, options) => waitFor(callback, patiently(options));
  Object.assign(vi, { waitFor: patient, [wrapped]: true });
}
