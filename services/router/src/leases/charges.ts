import type { Charge } from "@penstock/api";
import { makePeriodCalculator, slotStart } from "@penstock/limits";
import type { Period, WallMs } from "@penstock/limits";
import type { CompiledQuota } from "@penstock/snapshot";
import { timestampOf } from "../usage/timestamp-of.ts";
import type { HeldLease } from "./held-lease.ts";
import { listOf } from "./list-of.ts";
import type { Reservation } from "./reservation.ts";
import type { QuotaUse } from "./reserve-outcome.ts";

const calculators = new Map<string, (now: WallMs) => Period>();

/** When the period of an unleased charge began: the slot of a minute, or the day or month. */
function unleasedPeriodStart(quota: CompiledQuota, now: WallMs): WallMs {
  if (quota.period === "minute") return slotStart(now);
  const key = `${quota.period} ${quota.timeZone}`;
  let calculator = calculators.get(key);
  if (calculator === undefined) {
    calculator = makePeriodCalculator(quota.period, quota.timeZone);
    calculators.set(key, calculator);
  }
  return calculator(now).startMs;
}

/** Nearly all are of one request or of nothing yet, and a bigint that is made takes longer. */
function wholeOf(amount: number): bigint {
  if (amount === 0) return 0n;
  return amount === 1 ? 1n : BigInt(amount);
}

/**
 * What the reservation charges to its quotas when it ends with `actuals` (parallel to its uses, in
 * each quota's unit). Also for the intent, which says what a crash would charge: the list is the
 * reservation's own, and the next call changes what is `settled` in it.
 */
export function chargesOf(reservation: Reservation, actuals: readonly number[]): Charge[] {
  const { holds } = reservation;
  const charges = (reservation.charges ??= unsettledCharges(reservation));
  let at = 0;
  for (let index = 0; index < holds.length; index += 1) {
    if (holds[index]?.exempt === true) continue;
    const charge = charges[at];
    if (charge !== undefined) charge.settled = wholeOf(actuals[index] ?? 0);
    at += 1;
  }
  return charges;
}

function unsettledCharges({ uses, holds, reservedAtMs }: Reservation): Charge[] {
  const charges = listOf<Charge>(uses.length);
  let count = 0;
  for (let index = 0; index < uses.length; index += 1) {
    const use = uses[index];
    const hold = holds[index];
    if (use === undefined || hold === undefined || hold.exempt) continue;
    charges[count] = unsettledCharge(use, hold.held, reservedAtMs);
    count += 1;
  }
  if (count < charges.length) charges.length = count;
  return charges;
}

function unsettledCharge(
  { quota, key, amount }: QuotaUse,
  held: HeldLease | undefined,
  reservedAtMs: WallMs,
): Charge {
  return {
    $typeName: "penstock.event.v1.Charge",
    quota: key,
    periodStartTime: held?.periodStartTime ?? timestampOf(unleasedPeriodStart(quota, reservedAtMs)),
    leaseId: held?.lease.leaseId ?? "",
    leaseEpoch: held?.leaseEpoch ?? 0n,
    reserved: wholeOf(amount),
    settled: 0n,
    unleased: held === undefined,
  };
}
