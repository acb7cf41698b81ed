import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import type { EventPosition } from "@penstock/database";

import type { Charge } from "../ledger/post-charge.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";

/** A charge as it came. Without a time it counts when it is posted: money must not be lost. */
export interface ReadCharge extends Omit<Charge, "periodStartMs"> {
  readonly periodStartMs: number | undefined;
}

/** What quota needs of one usage event. */
export interface Usage {
  readonly requestId: string;
  readonly replica: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly firstHeldSequence: bigint;
  readonly revision: bigint;
  readonly traceId: string;
  readonly spanId: string;
  /** The trace of the request is kept. */
  readonly sampled: boolean;
  readonly charges: readonly ReadCharge[];
  /** Charges whose quota key is no key; they cannot be posted. */
  readonly malformedCharges: number;
}

// A quota applies at most once to each of a request's few attempts; more is not believed.
const maximumCharges = 256;
/** What calendars take (packages/limits): 1970-01-02 to the year 9998. */
const earliestMs = Date.UTC(1970, 0, 2);
const latestMs = Date.UTC(9998, 0, 1);
const requestIdForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const leaseIdForm = /^[0-9A-Za-z_-]{1,64}$/;
const replicaForm = /^[A-Za-z0-9_-]{1,128}$/;

/** Reads the payload of a delivery; undefined when it is no usage event, now and for ever. */
export function readUsage(payload: Uint8Array): Usage | undefined {
  const event = decode(payload);
  if (event === undefined || !requestIdForm.test(event.requestId)) return undefined;
  if (!replicaForm.test(event.replica)) return undefined;
  const ordinals = new Map<string, number>();
  const charges: ReadCharge[] = [];
  for (const charge of event.charges.slice(0, maximumCharges)) {
    if (resourceOfKey(charge.quota) === undefined) continue;
    const ordinal = ordinals.get(charge.quota) ?? 0;
    ordinals.set(charge.quota, ordinal + 1);
    charges.push({
      requestId: event.requestId,
      quota: charge.quota,
      ordinal,
      periodStartMs: usableTime(charge.periodStartTime ?? event.startTime),
      leaseId: leaseIdForm.test(charge.leaseId) ? charge.leaseId : "",
      reserved: notNegative(charge.reserved),
      settled: notNegative(charge.settled),
    });
  }
  const { requestId, replica, epoch, sequence, firstHeldSequence, revision } = event;
  const { traceId, spanId, sampled } = event;
  const place = { replica, epoch, sequence, firstHeldSequence };
  const trace = { traceId, spanId, sampled };
  const malformedCharges = event.charges.length - charges.length;
  return { requestId, ...place, revision, ...trace, charges, malformedCharges };
}

/** The place of an event that is malformed otherwise; undefined when it does not say. */
export function positionOf(payload: Uint8Array): EventPosition | undefined {
  const event = decode(payload);
  if (event === undefined || !replicaForm.test(event.replica)) return undefined;
  const { replica, epoch, sequence } = event;
  return sequence > 0n ? { replica, epoch, sequence } : undefined;
}

function decode(payload: Uint8Array): UsageEvent | undefined {
  try {
    return fromBinary(UsageEventSchema, payload);
  } catch {
    return undefined;
  }
}

/** In milliseconds; undefined for a time that no calendar takes. */
function usableTime(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const atMs = Math.floor(timestampMs(time));
  return atMs >= earliestMs && atMs <= latestMs ? atMs : undefined;
}

/** A charge below 0 would be a credit that nobody decided (new-api's CVE-2026-71479). */
function notNegative(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}
