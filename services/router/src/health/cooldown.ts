import type { MonotonicMs } from "@penstock/limits";

const leastCooldownMs = 1_000;
const longestCooldownMs = 300_000;
const firstUntoldMs = 2_000;
const longestUntoldMs = 60_000;
const leastOverloadedMs = 5_000;
const longestOverloadedMs = 30_000;

/** How long a refused credential, model or account is left alone before one probe (decisions §4). */
const quarantineMs = 300_000;

/**
 * A time in which a target, or a credential, is not asked. After a quarantine only one attempt at
 * a time is made until one succeeds. Changed in place by the functions of this file only.
 */
export interface Cooldown {
  until: MonotonicMs;
  /** How many came in a row, for those whose length the provider did not tell. */
  repeats: number;
  needsProbe: boolean;
  probeInFlight: boolean;
}

/** Nothing stands against it. */
export function createCooldown(): Cooldown {
  return {
    until: -Infinity as MonotonicMs,
    repeats: 0,
    needsProbe: false,
    probeInFlight: false,
  };
}

/** Whether an attempt may be made at `now`: yes, only as the probe, not while one runs, or no. */
export type CooldownVerdict = "free" | "probe" | "probing" | "cooling";

/** Changes nothing. */
export function askCooldown(cooldown: Cooldown, now: MonotonicMs): CooldownVerdict {
  if (now < cooldown.until) return "cooling";
  if (!cooldown.needsProbe) return "free";
  return cooldown.probeInFlight ? "probing" : "probe";
}

/** A limit of the provider: what it asked for within 1 s to 300 s, else 2 s doubled up to 60 s. */
export function coolRateLimited(
  cooldown: Cooldown,
  now: MonotonicMs,
  retryAfterMs: number | undefined,
): void {
  const untoldMs = Math.min(longestUntoldMs, firstUntoldMs * 2 ** cooldown.repeats);
  extend(cooldown, now, clamp(retryAfterMs ?? untoldMs, leastCooldownMs, longestCooldownMs));
}

/** Too much to do at the provider: 5 s to 30 s. */
export function coolOverloaded(
  cooldown: Cooldown,
  now: MonotonicMs,
  retryAfterMs: number | undefined,
): void {
  const untoldMs = leastOverloadedMs * 2 ** cooldown.repeats;
  extend(cooldown, now, clamp(retryAfterMs ?? untoldMs, leastOverloadedMs, longestOverloadedMs));
}

/** Refused for a reason that a person has to remove. */
export function quarantine(cooldown: Cooldown, now: MonotonicMs): void {
  extend(cooldown, now, quarantineMs);
  cooldown.needsProbe = true;
  cooldown.probeInFlight = false;
}

/** An attempt starts; true when it is the probe after a quarantine. */
export function beginProbe(cooldown: Cooldown, now: MonotonicMs): boolean {
  if (askCooldown(cooldown, now) !== "probe") return false;
  cooldown.probeInFlight = true;
  return true;
}

/** The probe ended without saying anything. */
export function abandonCooldownProbe(cooldown: Cooldown): void {
  cooldown.probeInFlight = false;
}

/** An attempt that began after the cooldown succeeded. */
export function endCooldown(cooldown: Cooldown, now: MonotonicMs): void {
  if (now < cooldown.until) return;
  cooldown.repeats = 0;
  cooldown.needsProbe = false;
  cooldown.probeInFlight = false;
}

/** Answers of attempts that ran at the same time are one refusal; the longest wait wins. */
function extend(cooldown: Cooldown, now: MonotonicMs, lengthMs: number): void {
  if (now >= cooldown.until) cooldown.repeats = Math.min(cooldown.repeats + 1, 16);
  cooldown.until = Math.max(cooldown.until, now + lengthMs) as MonotonicMs;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
