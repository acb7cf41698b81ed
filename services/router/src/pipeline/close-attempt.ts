import type { TokenUsage } from "@penstock/api";
import type { AnswerEnd } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { FailureSample } from "../health/failure-samples.ts";
import { attemptRecord } from "./attempt-record.ts";
import { wordsOfFailure } from "./attempt-failure.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { attemptCost, attemptUsage } from "./attempt-usage.ts";
import { noteServed } from "../choosing/note-served.ts";
import type { EndedAttempt } from "../performance/target-performance.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import type { RequestContext } from "./request-context.ts";
import { withOneMore } from "./with-one-more.ts";
import { servedTier } from "./served-tier.ts";
import { wasHurried } from "./hurried-attempt.ts";
import { actualAmounts } from "./settle-amounts.ts";

/** How an attempt ended. */
export interface ClosedAttempt {
  readonly run: AttemptRun;
  readonly outcome: AttemptFailure["class"] | "OK";
  readonly now: MonotonicMs;
  readonly failure?: AttemptFailure | undefined;
  /** What the provider told at the end of its answer; absent: there was no end. */
  readonly end?: Pick<AnswerEnd, "usage" | "serviceTier" | "servedTier">;
  /** True when the attempt beside it was faster. */
  readonly calledOff?: boolean;
}

/** The parts that hear of an ended attempt. */
type ClosingParts = Pick<
  PipelineParts,
  | "affinity"
  | "calibration"
  | "clock"
  | "events"
  | "failureSamples"
  | "health"
  | "hedging"
  | "leases"
  | "performance"
  | "retryBudgets"
>;

/**
 * Tells its target's health of an ended attempt, writes it down and settles the target's quotas.
 * Throws what reading its usage throws: then it is written down without any, and what was held
 * for it is given back.
 */
export function closeAttempt(
  context: RequestContext,
  parts: ClosingParts,
  closed: ClosedAttempt,
): void {
  const { run, outcome, failure, now } = closed;
  const durationMs = now - run.startMs;
  const ended = {
    class: wasHurried(context, run, { outcome, durationMs }) ? "CANCELLED" : outcome,
    firstTokenMs: run.firstTokenMs,
    stream: context.stream,
    durationMs,
    outputTokens: 0,
    isOpenTry: run.isOpenTry,
    retryAfterMs: failure?.retryAfterMs,
    cooldown: failure?.cooldown,
    said: failure === undefined ? undefined : wordsOfFailure(run.httpStatus, failure),
  };
  // Before all that may go wrong: what is not told here counts as under way for ever.
  parts.health.ended(run.target.deployment, ended, now);
  const before = context.attempts;
  try {
    writeDown(context, parts, closed, ended);
  } catch (mistake) {
    if (context.attempts === before) addRecord(context, closed, unknownUse);
    const { reservation } = run;
    if (reservation?.ended === false) parts.leases.void(reservation);
    throw mistake;
  }
}

/** What an attempt used and what that costs; undefined: not known, or nothing. */
interface Use {
  readonly usage: TokenUsage | undefined;
  readonly cost: bigint | undefined;
  readonly tier: string;
}

const unknownUse: Use = { usage: undefined, cost: undefined, tier: "" };

function writeDown(
  context: RequestContext,
  parts: ClosingParts,
  closed: ClosedAttempt,
  ended: EndedAttempt & { outputTokens: number },
): void {
  const { run, outcome, failure, now } = closed;
  const { deployment } = run.target;
  const { estimate } = context;
  if (estimate === undefined) throw new Error("runs after estimate-usage");
  const reported = closed.end?.usage ?? run.failedUsage;
  const usage = attemptUsage(run, reported, estimate, parts.calibration);
  // Of whole answers, nobody asks how fast they were written.
  if (context.stream) ended.outputTokens = Number(usage?.outputTokens ?? 0);
  parts.performance.ended(deployment, ended, now);
  if (failure?.unmapped === true) sampleFailure(run, failure, parts);
  if (context.route?.hedging !== undefined) {
    const timeMs = contentTimeMs(run, closed, ended.durationMs);
    if (timeMs !== undefined) parts.hedging.observe(deployment, context.stream, timeMs, now);
  }
  if (outcome === "OK") noteServed(context, parts.affinity, { deployment, usage }, now);
  const tier = usage === undefined ? "" : servedTier(context, run, closed.end);
  const cost =
    usage === undefined ? undefined : attemptCost(usage, deployment, context.startWallMs, tier);
  if (cost !== undefined && run.wasHeard) parts.retryBudgets.spend.spent(now, cost);
  addRecord(context, closed, { usage, cost, tier });
  const { reservation } = run;
  if (reservation === undefined) return;
  const actuals = actualAmounts(reservation.uses, usage, cost);
  context.charges = [...context.charges, ...parts.leases.settle(reservation, actuals)];
}

function addRecord(
  context: RequestContext,
  { run, outcome, failure, now }: ClosedAttempt,
  { usage, cost, tier }: Use,
): void {
  const record = attemptRecord(run, {
    outcome,
    failure,
    usage,
    cost,
    tier,
    offsetMs: run.startMs - context.startMonotonicMs,
    durationMs: now - run.startMs,
  });
  context.attempts = withOneMore(context.attempts, record);
}

/**
 * After how long content came, or had not come yet: without those times, the slowest would be the
 * ones that nobody knows of, and what is late would be earlier each time.
 */
function contentTimeMs(
  run: AttemptRun,
  { outcome, calledOff }: ClosedAttempt,
  durationMs: number,
): number | undefined {
  if (run.firstTokenMs !== undefined) return run.firstTokenMs;
  return calledOff === true || outcome === "TIMEOUT_FIRST_TOKEN" ? durationMs : undefined;
}

/** What no table knows is kept for whoever adds rows. */
export function sampleFailure(
  run: AttemptRun,
  failure: AttemptFailure,
  parts: Pick<ClosingParts, "clock" | "events" | "failureSamples">,
): void {
  const { deployment } = run.target;
  const sample: FailureSample = {
    deployment: deployment.name,
    providerKind: deployment.provider.kind,
    httpStatus: run.httpStatus >= 200 && run.httpStatus < 300 ? 0 : run.httpStatus,
    providerCode: failure.providerCode,
    providerType: failure.providerType ?? "",
    message: failure.providerMessage,
    class: failure.class,
  };
  parts.events.unmappedFailure(sample, parts.failureSamples.add(sample, parts.clock.wallMs()));
}
