import type { Charge } from "@penstock/api";
import { makePeriodCalculator, slotStart } from "@penstock/limits";
import type { Period, WallMs } from "@penstock/limits";
import type { CompiledQuota } from "@penstock/snapshot";
import { timestampOf } from "../usage/timestamp-of.ts";
import type { Reservation } from "./reservation.ts";

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

/**
 * What the reservation charges to its quotas when it ends with `actuals` (parallel to its uses, in
 * each quota's unit). Changes nothing: also for the intent, which says what a crash would charge.
 */
export function chargesOf(reservation: Reservation, actuals: readonly number[]): Charge[] {
  const { uses, holds, reservedAtMs } = reservation;
  const charges: Charge[] = [];
  for (let index = 0; index < uses.length; index += 1) {
    const use = uses[index];
    const hold = holds[index];
    if (use === undefined || hold === undefined || hold.exempt) continue;
    const lease = hold.lease?.lease;
    const startMs = lease?.periodStartMs ?? unleasedPeriodStart(use.quota, reservedAtMs);
    charges.push({
      $typeName: "penstock.event.v1.Charge",
      quota: use.key,
      periodStartTime: timestampOf(startMs),
      leaseId: lease?.leaseId ?? "",
      leaseEpoch: BigInt(lease?.epoch ?? 0),
      reserved: BigInt(use.amount),
      settled: BigInt(actuals[index] ?? 0),
      unleased: lease === undefined,
    });
  }
  return charges;
}
