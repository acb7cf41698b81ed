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
): QuotaUse[] {
  return targetQuotas(context, target, model).map((quota) => quotaUse(context, quota, [target]));
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
