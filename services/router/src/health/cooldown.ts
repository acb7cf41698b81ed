import type { MonotonicMs } from "@penstock/limits";

const leastCooldownMs = 1_000;
/** A provider that asks for more is asked again after a day (provider-failures §5.1). */
const longestCooldownMs = 86_400_000;
const firstUntoldMs = 2_000;
const longestUntoldMs = 60_000;
const leastOverloadedMs = 5_000;
const longestOverloadedMs = 30_000;
/** What comes on top of a wait, so that not all come back at once: a tenth, but no more than this. */
const longestJitterMs = 5_000;

/** How long a refused credential, model or account is left alone before one probe (decisions §4). */
const quarantineMs = 300_000;

/** Why something is left alone. */
export type CooldownCause = "limit" | "load" | "used_up" | "refused";

/**
 * A time in which a target, a credential, a model or a provider is not asked. After a quarantine
 * only one attempt at a time is made until one succeeds. Changed in place by the functions of this
 * file only.
 */
export interface Cooldown {
  until: MonotonicMs;
  /** Why, of the last one. */
  cause: CooldownCause;
  /** What the provider said, of the last one; empty: it is not known. */
  said: string;
  /** How many came in a row, for those whose length the provider did not tell. */
  repeats: number;
  needsProbe: boolean;
  probeInFlight: boolean;
}

/** Nothing stands against it. */
export function createCooldown(): Cooldown {
  return {
    until: -Infinity as MonotonicMs,
    cause: "limit",
    said: "",
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

/** The wait that the provider asked for, and a number from 0 to below 1 for what comes on top. */
export interface CooldownWait {
  /** Unit: milliseconds. Undefined: it did not say. */
  readonly retryAfterMs: number | undefined;
  readonly random: number;
  /** What the provider said. */
  readonly said?: string | undefined;
}

/**
 * Cools for a reason. A limit: what the provider asked for within 1 s and a day, else 2 s doubled up
 * to 60 s. Load: 5 s to 30 s. An account that is used up: what it asked for, at least 5 min, then a
 * probe. What a person has to mend: 5 min, then a probe. What was asked for is a floor.
 */
export function cool(
  cooldown: Cooldown,
  now: MonotonicMs,
  cause: CooldownCause,
  { retryAfterMs, random, said = "" }: CooldownWait,
): void {
  const plainMs = lengthOf(cooldown, cause, retryAfterMs);
  const jitterMs = random * Math.min(longestJitterMs, plainMs / 10);
  const quarantined = cause === "used_up" || cause === "refused";
  extend(cooldown, now, quarantined ? plainMs : Math.min(longestCooldownMs, plainMs + jitterMs));
  cooldown.cause = cause;
  cooldown.said = said;
  if (!quarantined) return;
  cooldown.needsProbe = true;
  cooldown.probeInFlight = false;
}

function lengthOf(
  { repeats }: Cooldown,
  cause: CooldownCause,
  retryAfterMs: number | undefined,
): number {
  switch (cause) {
    case "limit": {
      const untoldMs = Math.min(longestUntoldMs, firstUntoldMs * 2 ** repeats);
      return clamp(retryAfterMs ?? untoldMs, leastCooldownMs, longestCooldownMs);
    }
    case "load": {
      const untoldMs = leastOverloadedMs * 2 ** repeats;
      return clamp(retryAfterMs ?? untoldMs, leastOverloadedMs, longestOverloadedMs);
    }
    case "used_up":
      return clamp(retryAfterMs ?? quarantineMs, quarantineMs, longestCooldownMs);
    case "refused":
      return quarantineMs;
  }
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

/** Whether another secret may be asked all the same. */
export function isOfCredential({ cause }: Cooldown): boolean {
  return cause === "refused" || cause === "used_up";
}

/** What it was for is gone: nothing stands against it any more. */
export function liftCooldown(cooldown: Cooldown): void {
  Object.assign(cooldown, createCooldown());
}

/** Answers of attempts that ran at the same time are one refusal; the longest wait wins. */
function extend(cooldown: Cooldown, now: MonotonicMs, lengthMs: number): void {
  if (now >= cooldown.until) cooldown.repeats = Math.min(cooldown.repeats + 1, 16);
  cooldown.until = Math.max(cooldown.until, now + lengthMs) as MonotonicMs;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
