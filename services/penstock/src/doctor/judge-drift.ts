import type { Finding } from "./check.ts";

/** Timers and leases cope with this much; certificates and reports do too. */
const tolerableDriftMs = 2_000;

/** What the clock of a server says of ours. Unit: milliseconds that it is ahead. */
export function judgeDrift(clockAheadMs: number | undefined): Omit<Finding, "check"> {
  if (clockAheadMs === undefined) return { state: "warn", detail: "the server tells no time" };
  const isFine = Math.abs(clockAheadMs) <= tolerableDriftMs;
  const side = clockAheadMs < 0 ? "behind" : "ahead of";
  const seconds = (Math.abs(clockAheadMs) / 1_000).toFixed(1);
  const detail = isFine ? "agrees within a second or two" : `the server is ${seconds} s ${side} us`;
  if (isFine) return { state: "ok", detail };
  return { state: "warn", detail, advice: "Let both machines keep their time by NTP." };
}
