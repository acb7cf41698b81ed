import type { CompiledQuota, CompiledTarget } from "@penstock/snapshot";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import { quotaUse } from "./estimate-usage.ts";
import type { RequestContext } from "./request-context.ts";

/**
 * What an attempt on the target must hold of quotas that name its deployment or provider; `model` is
 * the one of the request's that the target was planned for.
 */
export function targetQuotaUses(
  context: RequestContext,
  target: CompiledTarget,
  model: string,
): readonly QuotaUse[] {
  // As nearly always; a list of its own is made by who adds to it.
  if (target.deployment.quotas.length === 0) return none;
  return targetQuotas(context, target, model).map((quota) => quotaUse(context, quota, [target]));
}

const none: readonly QuotaUse[] = [];

/**
 * What a second call beside the first must hold: of quotas that name its target, and of those of
 * the request room for tokens and money of its own, as the first one may use up what is held.
 */
export function hedgeQuotaUses(
  context: RequestContext,
  target: CompiledTarget,
  model: string,
): readonly QuotaUse[] {
  const uses = [...targetQuotaUses(context, target, model)];
  for (const { quota } of context.quotaUses) {
    if (quota.unit === "requests") continue;
    if (!quota.matches(model, context.request?.labels ?? {})) continue;
    uses.push(quotaUse(context, quota, [target]));
  }
  return uses;
}

/** Whether a budget names the target's deployment or provider, for answers of the model. */
export function hasTargetBudget(
  context: RequestContext,
  target: CompiledTarget,
  model: string,
): boolean {
  return targetQuotas(context, target, model).some((quota) => quota.unit === "nano_usd");
}

function targetQuotas(
  context: RequestContext,
  target: CompiledTarget,
  model: string,
): readonly CompiledQuota[] {
  const { caller, request } = context;
  const { quotas } = target.deployment;
  if (quotas.length === 0 || caller === undefined || request === undefined) return [];
  return quotas.filter((quota) => quota.appliesTo(caller) && quota.matches(model, request.labels));
}
