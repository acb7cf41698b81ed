// The encoder of usage events, field by field. Every request has two events, its intent and its end:
// protobuf-es takes 9 µs for one, a walk along the descriptor 4, and this 1, because each access has
// one shape and nothing is measured before it is written. What does not change while a request runs
// comes first, so that it is encoded once.
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  Attempt,
  Charge,
  Exclusion,
  Principal,
  TokenUsage,
  UsageError,
  UsageEvent,
} from "@penstock/api";
import { WireBuffer } from "./wire-buffer.ts";

/** What is the same in all events of a request, from its intent on. */
export type EventHead = Readonly<
  Pick<
    UsageEvent,
    | "requestId"
    | "replica"
    | "epoch"
    | "door"
    | "model"
    | "route"
    | "stream"
    | "priceBookRevision"
    | "revision"
    | "traceId"
    | "spanId"
    | "sampled"
    | "labels"
    | "endUser"
    | "idempotencyKey"
    | "session"
    | "countTokens"
  >
> & {
  readonly principal?: Principal | undefined;
  readonly startTime?: Timestamp | undefined;
};

/** What becomes known as the request goes on. */
export type EventTail = Readonly<
  Pick<UsageEvent, "sequence" | "outcome" | "estimated" | "firstHeldSequence">
> & {
  readonly error?: UsageError | undefined;
  readonly duration?: Duration | undefined;
  readonly firstTokenDelay?: Duration | undefined;
  readonly attempts: readonly Attempt[];
  readonly usage?: TokenUsage | undefined;
  /** Undefined: the price is not known. Unit: nano-USD. */
  readonly costNanoUsd?: bigint | undefined;
  readonly charges: readonly Charge[];
  readonly finishReasons: readonly string[];
};

const buffer = new WireBuffer();
/** Principals are parts of a snapshot: they never change, and each is written again and again. */
const principals = new WeakMap<Principal, Uint8Array>();

/**
 * The fields of an event that are the same in all events of its request, from its intent on; one
 * character a byte (Latin-1). Goes to `encodeUsageEvent`. A principal must not change once it was
 * encoded.
 */
export function encodeEventHead(event: EventHead): string {
  const { principal } = event;
  buffer.clear();
  writeText(1, event.requestId);
  writeText(2, event.replica);
  writeBigint(3, event.epoch);
  if (principal !== undefined) buffer.bytes(principalBytes(principal));
  writeNumber(6, event.door);
  writeText(7, event.model);
  writeText(8, event.route);
  writeBoolean(9, event.stream);
  writeTime(12, event.startTime);
  writeBigint(18, event.priceBookRevision);
  writeBigint(20, event.revision);
  writeText(21, event.traceId);
  writeText(22, event.spanId);
  writeBoolean(23, event.sampled);
  writeMap(24, event.labels);
  writeText(25, event.endUser);
  writeText(26, event.idempotencyKey);
  writeText(40, event.session);
  writeBoolean(85, event.countTokens);
  return buffer.text();
}

/**
 * The event in protobuf's wire format, in memory of its own. `head`: of an event of the same
 * request. Fields that the program does not know (`$unknown`) are left out.
 */
export function encodeUsageEvent(event: EventTail, head: string): Uint8Array {
  const { error, usage } = event;
  buffer.clear();
  buffer.latin1(head);
  writeBigint(4, event.sequence);
  writeNumber(10, event.outcome);
  if (error !== undefined) writeError(error);
  writeTime(13, event.duration);
  writeTime(14, event.firstTokenDelay);
  for (const attempt of event.attempts) writeAttempt(attempt);
  if (usage !== undefined) writeUsage(16, usage);
  writeOptional(17, event.costNanoUsd);
  for (const charge of event.charges) writeCharge(charge);
  for (const reason of event.finishReasons) {
    buffer.number(textTag(27));
    buffer.string(reason);
  }
  writeBoolean(28, event.estimated);
  writeBigint(29, event.firstHeldSequence);
  return buffer.copy();
}

function writeAttempt(attempt: Attempt): void {
  buffer.number(textTag(15));
  const start = buffer.begin();
  writeNumber(1, attempt.number);
  writeNumber(2, attempt.kind);
  writeText(3, attempt.deployment);
  writeText(4, attempt.provider);
  writeText(5, attempt.model);
  writeText(6, attempt.responseModel);
  writeTime(7, attempt.startOffset);
  writeTime(8, attempt.duration);
  writeTime(9, attempt.firstTokenDelay);
  writeText(10, attempt.outcome);
  writeNumber(11, attempt.httpStatus);
  writeText(12, attempt.providerRequestId);
  writeText(13, attempt.providerCode);
  if (attempt.usage !== undefined) writeUsage(14, attempt.usage);
  writeOptional(15, attempt.costNanoUsd);
  writeBoolean(16, attempt.committed);
  writeText(17, attempt.spanId);
  writeTime(18, attempt.retryAfter);
  writeText(19, attempt.priceBook);
  writeText(90, attempt.failureCause);
  writeText(100, attempt.serviceTier);
  buffer.end(start);
}

function writeUsage(field: number, usage: TokenUsage): void {
  buffer.number(textTag(field));
  const start = buffer.begin();
  writeOptional(1, usage.inputTokens);
  writeOptional(2, usage.cacheReadInputTokens);
  writeOptional(3, usage.cacheWriteInputTokens);
  writeOptional(4, usage.audioInputTokens);
  writeOptional(5, usage.outputTokens);
  writeOptional(6, usage.reasoningOutputTokens);
  writeOptional(7, usage.audioOutputTokens);
  writeNumber(8, usage.source);
  writeOptional(40, usage.cacheWrite1hInputTokens);
  writeOptional(100, usage.audioCacheReadInputTokens);
  writeOptional(101, usage.imageInputTokens);
  writeOptional(102, usage.imageOutputTokens);
  buffer.end(start);
}

function writeCharge(charge: Charge): void {
  buffer.number(textTag(19));
  const start = buffer.begin();
  writeText(1, charge.quota);
  writeTime(2, charge.periodStartTime);
  writeText(3, charge.leaseId);
  writeBigint(4, charge.leaseEpoch);
  writeBigint(5, charge.reserved);
  writeBigint(6, charge.settled);
  writeBoolean(7, charge.unleased);
  buffer.end(start);
}

function writeError(error: UsageError): void {
  buffer.number(textTag(11));
  const start = buffer.begin();
  writeText(1, error.reason);
  writeText(2, error.message);
  writeText(3, error.source);
  writeMap(4, error.metadata);
  for (const exclusion of error.excludedBy) writeExclusion(exclusion);
  buffer.end(start);
}

function writeExclusion(exclusion: Exclusion): void {
  buffer.number(textTag(70));
  const start = buffer.begin();
  writeText(1, exclusion.deployment);
  writeText(2, exclusion.rule);
  writeText(3, exclusion.reason);
  writeTime(4, exclusion.untilTime);
  buffer.end(start);
}

function principalBytes(principal: Principal): Uint8Array {
  const known = principals.get(principal);
  if (known !== undefined) return known;
  const mark = buffer.length;
  buffer.number(textTag(5));
  const start = buffer.begin();
  writeNumber(1, principal.method);
  writeText(2, principal.team);
  writeText(3, principal.project);
  writeText(4, principal.virtualKey);
  buffer.end(start);
  const bytes = buffer.takeSince(mark);
  principals.set(principal, bytes);
  return bytes;
}

/** A Timestamp or a Duration: both have seconds and nanoseconds as their fields 1 and 2. */
function writeTime(
  field: number,
  time: { readonly seconds: bigint; readonly nanos: number } | undefined,
): void {
  if (time === undefined) return;
  buffer.number(textTag(field));
  const start = buffer.begin();
  writeBigint(1, time.seconds);
  writeNumber(2, time.nanos);
  buffer.end(start);
}

function writeMap(field: number, map: Readonly<Record<string, string>>): void {
  for (const key in map) {
    if (!Object.hasOwn(map, key)) continue;
    buffer.number(textTag(field));
    const start = buffer.begin();
    buffer.number(textTag(1));
    buffer.string(key);
    buffer.number(textTag(2));
    buffer.string(map[key] ?? "");
    buffer.end(start);
  }
}

// Fields without presence are left out when they are empty, zero or false.

function writeText(field: number, text: string): void {
  if (text === "") return;
  buffer.number(textTag(field));
  buffer.string(text);
}

function writeNumber(field: number, value: number): void {
  if (value === 0) return;
  buffer.number(numberTag(field));
  buffer.signed(value);
}

function writeBigint(field: number, value: bigint): void {
  if (value === 0n) return;
  buffer.number(numberTag(field));
  buffer.bigint(value);
}

function writeBoolean(field: number, value: boolean): void {
  if (!value) return;
  buffer.number(numberTag(field));
  buffer.number(1);
}

/** A field with presence: only what is absent is left out. */
function writeOptional(field: number, value: bigint | undefined): void {
  if (value === undefined) return;
  buffer.number(numberTag(field));
  buffer.bigint(value);
}

function numberTag(field: number): number {
  return field * 8;
}

/** Texts and messages: what has a length. */
function textTag(field: number): number {
  return field * 8 + 2;
}
