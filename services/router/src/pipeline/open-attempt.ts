import type { AttemptKind } from "@penstock/api";
import type { MonotonicMs } from "@penstock/limits";
import type { AttemptTimeouts, CompiledTarget } from "@penstock/snapshot";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptMessage } from "./attempt-message.ts";
import { AttemptRun } from "./attempt-run.ts";
import type { AttemptOwner } from "./attempt-owner.ts";
import { GuardedSink } from "./guarded-sink.ts";
import type { MistakeListener } from "./guarded-sink.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import type { RequestContext } from "./request-context.ts";
import { streamRelay } from "./stream-relay.ts";

/** What an attempt begins with. */
export interface AttemptOpening {
  readonly target: CompiledTarget;
  readonly kind: AttemptKind;
  /** From 1. */
  readonly number: number;
  readonly message: AttemptMessage;
  readonly startMs: MonotonicMs;
  readonly timeouts: AttemptTimeouts;
  /** The model of the request's that the target was planned for. */
  readonly model: string;
  readonly reservation: Reservation | undefined;
}

/** Makes an attempt, whose time has begun; nothing is sent before `sendAttempt`. */
export function openAttempt(
  owner: AttemptOwner,
  context: RequestContext,
  parts: Pick<PipelineParts, "clock" | "health" | "tracer">,
  opening: AttemptOpening,
): AttemptRun {
  const { target, kind, number, message, startMs, timeouts, model, reservation } = opening;
  const { stream } = context;
  return new AttemptRun(owner, {
    target,
    kind,
    format: message.reading,
    number,
    spanId: parts.tracer.newSpanId(),
    reservation,
    warnings: context.warnings,
    callForms: context.callForms,
    stream,
    relays: message.relays,
    streamRelay: streamRelay(context, target.deployment.format, model),
    heads: parts.health,
    clock: parts.clock,
    startMs,
    timeouts,
    requestEndMs: context.deadlineMs,
  });
}

const none: readonly string[] = [];

/** Sends an attempt to its target; what goes wrong inside of Penstock then is told to `listener`. */
export function sendAttempt(
  run: AttemptRun,
  message: AttemptMessage,
  context: RequestContext,
  { upstream, listener }: Pick<PipelineParts, "upstream"> & { readonly listener: MistakeListener },
): void {
  const { target } = run;
  run.handle = upstream.dispatch({
    target,
    body: message.body,
    path: message.path,
    stream: context.stream,
    requestId: context.requestId,
    attemptId: `${context.requestId}.${run.number}`,
    sink: new GuardedSink(run, listener),
    passedHeaders: context.callerFormat === target.deployment.format ? context.passedHeaders : none,
    connectTimeoutMs: target.timeouts.connectMs,
  });
}
