import type { WallMs } from "./time.ts";

/** Length of a slot in milliseconds (a sliding minute is kept as 10-second slots). */
export const slotLengthMs = 10_000;

/** Length of the window in milliseconds in which at most the limit is admitted. */
export const windowLengthMs = 60_000;

/** What was spent, or is still pending, in the slot that starts at `startMs`. */
export interface SlotAmount {
  readonly startMs: WallMs;
  readonly amount: bigint;
}

/*
 * Why seven slots and not six. A slot forgets at which moment inside it something was spent, so
 * its whole amount must count until its last moment is 60 s old: until slot end + 60 s. At any
 * `now` that leaves the current slot and the six before it. With six slots a burst at the end of
 * one slot would be forgotten up to 10 s early, and N + N could pass within 60 s. The price: an
 * amount is free again 60 to 70 s after it was spent, never before 60 s.
 *
 * Proof: admission at t requires (everything in slots with t < slot end + 60 s) + amount <= N.
 * Anything spent at u in [t - 60 s, t] lies in a slot that ends after u >= t - 60 s, hence it is
 * counted. So each closed window of 60 s holds at most N at the moment of its last admission.
 */

/** Start of the slot that contains `now`. Slots are aligned to the Unix epoch. */
export function slotStart(now: WallMs): WallMs {
  return (Math.floor(now / slotLengthMs) * slotLengthMs) as WallMs;
}

/** Starts of the seven slots that count at `now`, oldest first; the last is the current one. */
export function slotsInWindow(now: WallMs): WallMs[] {
  const current = slotStart(now);
  const starts: WallMs[] = [];
  for (let age = windowLengthMs; age >= 0; age -= slotLengthMs) {
    starts.push((current - age) as WallMs);
  }
  return starts;
}

/** The first moment at which what was spent in the slot starting at `startMs` no longer counts. */
export function releaseTime(startMs: WallMs): WallMs {
  return (startMs + slotLengthMs + windowLengthMs) as WallMs;
}

/** How far clocks may differ, in milliseconds (security R3). */
const toleratedSkewMs = 60_000;

/**
 * Whether what was spent in the slot that starts at `startMs` counts at `now`: until it is
 * released, and also when it starts up to 60 s later than `now` (a clock that was set back a
 * little, a holder whose clock is ahead), so that such a clock makes no room. A slot further ahead
 * is of a clock that was wrong: it would lock the limit for as long as that clock was ahead. Hence
 * nothing counts for longer than 130 s from any `now`.
 */
export function countsAt(startMs: WallMs, now: WallMs): boolean {
  return startMs - now <= toleratedSkewMs && now < releaseTime(startMs);
}

/** What counts against the limit at `now`, see `countsAt`. */
export function used(slots: readonly SlotAmount[], now: WallMs): bigint {
  let sum = 0n;
  for (const slot of slots) {
    if (countsAt(slot.startMs, now)) sum += slot.amount;
  }
  return sum;
}

/**
 * The slots after spending `amount` at `now`: added to the current slot, with those that don't
 * count dropped, so the list stays at seven plus those of clocks that are a little ahead.
 */
export function spendInSlot(
  slots: readonly SlotAmount[],
  now: WallMs,
  amount: bigint,
): SlotAmount[] {
  const startMs = slotStart(now);
  const kept = slots.filter((slot) => countsAt(slot.startMs, now) && slot.startMs !== startMs);
  const before = slots.reduce((sum, s) => (s.startMs === startMs ? sum + s.amount : sum), 0n);
  kept.push({ startMs, amount: before + amount });
  return kept;
}

/**
 * The first moment, at or after `now`, at which `amount` fits under `limit` if nothing else is
 * spent until then, and at most 130 s later; undefined when it never fits because `amount` exceeds `limit`.
 */
export function resetTimeMs(
  slots: readonly SlotAmount[],
  now: WallMs,
  limit: bigint,
  amount: bigint,
): WallMs | undefined {
  if (amount > limit) return undefined;
  let counted = used(slots, now);
  if (counted + amount <= limit) return now;
  const counting = slots.filter((slot) => countsAt(slot.startMs, now));
  for (const slot of counting.sort((a, b) => a.startMs - b.startMs)) {
    counted -= slot.amount;
    if (counted + amount <= limit) return releaseTime(slot.startMs);
  }
  return undefined;
}
