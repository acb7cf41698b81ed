import type { CompiledTarget } from "@penstock/snapshot";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { AttemptPlan } from "../pipeline/plan-attempts.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { hedgeObstacle, standsIn } from "./hedge-rules.ts";

/** What to say of hedging, and beside which target. */
export interface HedgeDescription {
  readonly target: CompiledTarget;
  readonly words: string;
}

/**
 * Which target would be asked beside the first one, and when, or why none; undefined where the route
 * has no hedging.
 */
export function describeHedge(
  context: Pick<RequestContext, "request" | "route" | "stream" | "vectors">,
  plan: AttemptPlan,
  { hedging, clock }: Pick<PipelineParts, "hedging" | "clock">,
): HedgeDescription | undefined {
  const { route, stream } = context;
  const [first] = plan.targets;
  if (route?.hedging === undefined || first === undefined) return undefined;
  const obstacle = hedgeObstacle(context, plan);
  const second = plan.targets.find((target) => standsIn(target, plan));
  if (obstacle !== undefined || second === undefined) {
    return { target: first, words: `no other is asked beside it, as the request ${obstacle}` };
  }
  const now = clock.monotonicMs();
  const delayMs = hedging.delayMs(route.hedging, first.deployment, stream, now);
  const room = hedging.hasRoom(route) ? "" : ", once its route has saved for another call";
  const late = `when ${first.deployment.name} has no content after ${Math.round(delayMs)} ms`;
  return { target: second, words: `asked as well ${late}${room}` };
}
