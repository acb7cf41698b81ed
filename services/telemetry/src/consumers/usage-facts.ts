import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { UsageEventSchema } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import type { EventPosition } from "@penstock/database";

/** What is summed and told apart of one request. Money in nano-USD, times in milliseconds. */
export interface UsageFacts {
  readonly requestId: string;
  readonly replica: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly firstHeldSequence: bigint;
  readonly startMs: number;
  readonly team: string;
  readonly project: string;
  readonly virtualKey: string;
  readonly model: string;
  /** Of the last attempt; empty when there was none. */
  readonly provider: string;
  readonly deployment: string;
  /** Whose prices rated the last attempt; empty: neither told nor asked for. */
  readonly serviceTier: string;
  readonly route: string;
  /** A value of `RequestOutcome`. */
  readonly outcome: number;
  readonly endUser: string;
  readonly attempts: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly costNanoUsd: bigint;
  readonly estimated: boolean;
  /** An attempt that used something has no price. */
  readonly unpriced: boolean;
}

/** An event, its bytes as they came, and its facts. */
export interface ReadUsage {
  readonly event: UsageEvent;
  readonly payload: Uint8Array;
  readonly facts: UsageFacts;
}

const requestIdForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const replicaForm = /^[A-Za-z0-9_-]{1,128}$/;

/** Reads the payload of a delivery; undefined when it is no usage event, now and for ever. */
export function readUsage(payload: Uint8Array): ReadUsage | undefined {
  const event = decode(payload);
  if (event === undefined || !requestIdForm.test(event.requestId)) return undefined;
  if (!replicaForm.test(event.replica)) return undefined;
  return { event, payload, facts: factsOf(event) };
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

/** The facts of an event. */
export function factsOf(event: UsageEvent): UsageFacts {
  const last = event.attempts.at(-1);
  return {
    requestId: event.requestId,
    replica: event.replica,
    epoch: event.epoch,
    sequence: event.sequence,
    firstHeldSequence: event.firstHeldSequence,
    startMs: event.startTime === undefined ? 0 : Math.floor(timestampMs(event.startTime)),
    team: text(event.principal?.team),
    project: text(event.principal?.project),
    virtualKey: text(event.principal?.virtualKey),
    model: text(event.model),
    provider: text(last?.provider),
    deployment: text(last?.deployment),
    serviceTier: text(last?.serviceTier, longestTier),
    route: text(event.route),
    outcome: event.outcome,
    endUser: text(event.endUser),
    attempts: event.attempts.length,
    inputTokens: event.usage?.inputTokens ?? 0n,
    outputTokens: event.usage?.outputTokens ?? 0n,
    costNanoUsd: event.costNanoUsd ?? 0n,
    estimated: event.estimated,
    unpriced: event.attempts.some(
      (attempt) => attempt.usage !== undefined && attempt.costNanoUsd === undefined,
    ),
  };
}

const longestText = 512;
/** As events have it. */
const longestTier = 64;

/** Callers choose models and end users; the database refuses NUL, and an index long values. */
function text(value: string | undefined, longest = longestText): string {
  return (value ?? "").slice(0, longest).replaceAll("\0", "").toWellFormed();
}
