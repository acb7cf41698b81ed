import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { UsageErrorSchema, UsageEventSchema } from "@penstock/api";
import type { Attempt, UsageError, UsageEvent } from "@penstock/api";
import { lostEvent } from "./interrupted-event.ts";
import type { EventPosition } from "./interrupted-event.ts";

const longestText = 128;
const longestMessage = 500;
const mostReasons = 8;

/**
 * The event without what callers and providers may have made large: labels, long texts, details of
 * the error. What is charged, and all that rates it, stays.
 */
export function slimEvent(payload: Uint8Array): Uint8Array {
  return toBinary(UsageEventSchema, slim(fromBinary(UsageEventSchema, payload)));
}

/** Only the place of the event, so that consumers do not wait for its number for ever. */
export function bareEvent(requestId: string, payload: Uint8Array): Uint8Array {
  return lostEvent(requestId, positionOf(payload));
}

function positionOf(payload: Uint8Array): EventPosition {
  const { replica, epoch, sequence } = fromBinary(UsageEventSchema, payload);
  return { replica, epoch, sequence };
}

function slim(event: UsageEvent): UsageEvent {
  return {
    ...event,
    $unknown: [],
    model: cut(event.model),
    labels: {},
    endUser: cut(event.endUser),
    idempotencyKey: "",
    session: "",
    finishReasons: event.finishReasons.slice(0, mostReasons).map(cut),
    error: event.error === undefined ? undefined : slimError(event.error),
    attempts: event.attempts.map(slimAttempt),
  } as UsageEvent;
}

function slimError({ reason, message, source }: UsageError): UsageError {
  return create(UsageErrorSchema, { reason, message: message.slice(0, longestMessage), source });
}

function slimAttempt(attempt: Attempt): Attempt {
  return {
    ...attempt,
    $unknown: [],
    model: cut(attempt.model),
    responseModel: cut(attempt.responseModel),
    outcome: cut(attempt.outcome),
    providerRequestId: cut(attempt.providerRequestId),
    providerCode: cut(attempt.providerCode),
  } as Attempt;
}

function cut(text: string): string {
  return text.slice(0, longestText);
}
