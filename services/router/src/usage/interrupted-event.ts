import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import { RequestOutcome, UsageEventSchema } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";

/** Where a recovered event stands. */
export interface EventPosition {
  readonly replica: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
}

/** The intent with every field that the progress has set in place of its own. */
export function mergeProgress(intent: UsageEvent, progress: UsageEvent): UsageEvent {
  const merged = { ...intent } as UsageEvent & Record<string, unknown>;
  const news = progress as UsageEvent & Record<string, unknown>;
  for (const field of UsageEventSchema.fields) {
    if (isFieldSet(progress, field)) merged[field.localName as string] = news[field.localName];
  }
  return merged;
}

/** The event of a request that ran when the process died. Payloads that can't be read are left out. */
export function interruptedEvent(
  requestId: string,
  intent: Uint8Array,
  progress: Uint8Array | undefined,
  position: EventPosition,
): Uint8Array {
  const begun = decode(intent) ?? create(UsageEventSchema);
  const news = progress === undefined ? undefined : decode(progress);
  const event = news === undefined ? begun : mergeProgress(begun, news);
  event.requestId = requestId;
  event.replica = position.replica;
  event.epoch = position.epoch;
  event.sequence = position.sequence;
  event.outcome = RequestOutcome.INTERRUPTED;
  event.estimated = true;
  return toBinary(UsageEventSchema, event);
}

/**
 * An event in place of one whose record is damaged and whose request is not known any more:
 * consumers count without gaps, and would wait for its number for ever.
 */
export function lostEvent(requestId: string, position: EventPosition): Uint8Array {
  return interruptedEvent(requestId, new Uint8Array(), undefined, position);
}

function decode(payload: Uint8Array): UsageEvent | undefined {
  try {
    return fromBinary(UsageEventSchema, payload);
  } catch {
    return undefined;
  }
}
