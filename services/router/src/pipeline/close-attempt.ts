import type { AttemptKind, TokenUsage } from "@penstock/api";
import type { Reservation } from "../leases/reservation.ts";
import { attemptRecord } from "./attempt-record.ts";
import type { AttemptFailure, AttemptRun } from "./attempt-run.ts";
import { attemptCost, attemptUsage } from "./attempt-usage.ts";
import { noteServed } from "../choosing/note-served.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import type { RequestContext } from "./request-context.ts";
import { actualAmounts } from "./settle-amounts.ts";

/** How an attempt ended. */
export interface ClosedAttempt {
  readonly run: AttemptRun;
  readonly kind: AttemptKind;
  readonly outcome: AttemptFailure["class"] | "OK";
  readonly failure?: AttemptFailure | undefined;
  /** Usage as the provider reported it. */
  readonly reported?: TokenUsage | undefined;
  /** What it held on quotas of its target. */
  readonly reservation: Reservation | undefined;
}

/** Writes an ended attempt down, tells its target's health and settles the target's quotas. */
export function closeAttempt(
  context: RequestContext,
  parts: Pick<
    PipelineParts,
    "affinity" | "calibration" | "clock" | "health" | "leases" | "performance"
  >,
  closed: ClosedAttempt,
): void {
  const { run, outcome, failure, reservation } = closed;
  const { deployment } = run.target;
  const now = parts.clock.monotonicMs();
  const { firstTokenMs } = run;
  const retryAfterMs = failure?.retryAfterMs;
  parts.health.ended(deployment, { class: outcome, firstTokenMs, retryAfterMs }, now);
  const { estimate } = context;
  if (estimate === undefined) throw new Error("runs after estimate-usage");
  const usage = attemptUsage(run, closed.reported, estimate, parts.calibration);
  const attempt = {
    class: outcome,
    stream: context.stream,
    firstTokenMs,
    durationMs: now - run.startMs,
    outputTokens: Number(usage?.outputTokens ?? 0),
  };
  parts.performance.ended(deployment, attempt, now);
  if (outcome === "OK") noteServed(context, parts.affinity, { deployment, usage }, now);
  const cost =
    usage === undefined ? undefined : attemptCost(usage, deployment, context.startWallMs);
  context.attempts.push(
    attemptRecord(run, {
      kind: closed.kind,
      outcome,
      failure,
      usage,
      cost,
      offsetMs: run.startMs - context.startMonotonicMs,
      durationMs: now - run.startMs,
    }),
  );
  if (reservation === undefined) return;
  const actuals = actualAmounts(reservation.uses, usage, cost);
  context.charges.push(...parts.leases.settle(reservation, actuals));
}
