import { sideEffectOf } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import { vendorKeyOf } from "../health/target-record.ts";
import type { AttemptPlan } from "../pipeline/plan-attempts.ts";
import type { RequestContext } from "../pipeline/request-context.ts";

/**
 * Why a request never gets a second call, as the end of a sentence that begins with "the request";
 * undefined: it may. Its route has hedging.
 */
export function hedgeObstacle(
  { request, vectors }: Pick<RequestContext, "request" | "vectors">,
  plan: AttemptPlan,
): string | undefined {
  if (request?.routing?.hedging === false) return "wishes for none";
  if (plan.maxAttempts < 2) return "may have one attempt only";
  if (!plan.targets.some((target) => standsIn(target, plan))) {
    return "has no target of another vendor now";
  }
  // Vectors are arithmetic: nothing but their price comes of asking twice.
  return vectors !== undefined || request === undefined ? undefined : sideEffectOf(request);
}

/**
 * Whether a target may be asked beside the first of its plan: of another vendor, as what slows one
 * of its targets slows the others too, and for the same model.
 */
export function standsIn(
  target: CompiledTarget,
  { targets, models }: Pick<AttemptPlan, "targets" | "models">,
): boolean {
  const [first] = targets;
  if (first === undefined || models?.get(target) !== models?.get(first)) return false;
  return vendorKeyOf(target.deployment) !== vendorKeyOf(first.deployment);
}
