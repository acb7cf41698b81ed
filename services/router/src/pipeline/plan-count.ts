import { CountEstimateReason } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { CompiledTarget } from "@penstock/snapshot";
import type { WhyEstimated } from "./count-answer.ts";
import { noTargetError } from "./no-target-error.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import type { AttemptPlan } from "./plan-attempts.ts";
import { admitTarget, planForContext } from "./plan-for-context.ts";
import type { RequestContext } from "./request-context.ts";

/** Who is asked for a count. */
export interface CountPlan {
  /** Would be asked first for an answer: an estimate is for it. */
  readonly first: CompiledTarget;
  /** Those to be asked for a count, in their order; empty: nobody. */
  readonly targets: readonly CompiledTarget[];
  /** Why it is an estimate where `targets` is empty. */
  readonly why: WhyEstimated;
  /** Model under which each target is planned; see `AttemptPlan.models`. */
  readonly models: AttemptPlan["models"];
}

type CountParts = Pick<PipelineParts, "countingPauses"> & Parameters<typeof planForContext>[1];

/**
 * Who could answer the request and can count, or the error that the request would meet for good. What
 * keeps targets out for a while keeps nobody from an estimate.
 */
export function planCount(context: RequestContext, parts: CountParts): CountPlan | GatewayError {
  const plan = planForContext(context, parts);
  return countPlanOf(plan, parts) ?? noTargetError(context, plan, parts.clock);
}

/**
 * The targets of a plan that can count now; undefined when no target can serve the request. Where the
 * first of them can't count nobody is asked: another vendor would get to see what it would not be sent
 * otherwise.
 */
export function countPlanOf(plan: AttemptPlan, parts: CountParts): CountPlan | undefined {
  const { models } = plan;
  const [first] = plan.targets;
  if (first === undefined) return planOfNobody(plan);
  if (first.deployment.counting === undefined) {
    const detail = `${first.deployment.name} has no endpoint that counts`;
    const why = { reason: CountEstimateReason.NOT_OFFERED, detail };
    return { first, targets: [], why, models };
  }
  const details: string[] = [];
  const targets = plan.targets.filter((target) => {
    const problem = target.deployment.counting && whyNotAsked(target, parts);
    if (problem !== undefined) details.push(`${target.deployment.name}: ${problem}`);
    return target.deployment.counting !== undefined && problem === undefined;
  });
  const why = { reason: CountEstimateReason.UNAVAILABLE, detail: details.join("; ") };
  return { first, targets: targets.slice(0, plan.maxAttempts), why, models };
}

/** Every target is kept out; undefined where all are for good. */
function planOfNobody({ skipped, models }: AttemptPlan): CountPlan | undefined {
  const left = skipped.filter(({ forGood }) => !forGood);
  const [first] = left;
  if (first === undefined) return undefined;
  const detail = left.map(({ target, reason }) => `${target.deployment.name}: ${reason}`);
  const why = { reason: CountEstimateReason.UNAVAILABLE, detail: detail.join("; ") };
  return { first: first.target, targets: [], why, models };
}

/** Why a target is not asked for a count now; undefined: it is. */
export function whyNotAsked(target: CompiledTarget, parts: CountParts): string | undefined {
  const now = parts.clock.monotonicMs();
  if (parts.countingPauses.until(target.deployment, now) !== undefined) {
    return "its endpoint that counts failed and is left alone for a while";
  }
  // Its own failures count here, too: nobody is in need of a count.
  const admitted = admitTarget(target, parts);
  if (!admitted.ok) return admitted.reason;
  return parts.upstream.isFull(target) ? "all of its connections are in use" : undefined;
}
