import type { CompiledQuota, CompiledTarget } from "@penstock/snapshot";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import { quotaUse } from "./estimate-usage.ts";
import { modelsOf } from "./models-of.ts";
import type { RequestContext } from "./request-context.ts";

/** What an attempt on the target must hold of quotas that name its deployment or provider. */
export function targetQuotaUses(context: RequestContext, target: CompiledTarget): QuotaUse[] {
  return targetQuotas(context, target).map((quota) => quotaUse(context, quota, [target]));
}

/** Whether a budget names the target's deployment or provider. */
export function hasTargetBudget(context: RequestContext, target: CompiledTarget): boolean {
  return targetQuotas(context, target).some((quota) => quota.unit === "nano_usd");
}

function targetQuotas(context: RequestContext, target: CompiledTarget): readonly CompiledQuota[] {
  const { caller, request } = context;
  const { quotas } = target.deployment;
  if (quotas.length === 0 || caller === undefined || request === undefined) return [];
  return quotas.filter(
    (quota) =>
      quota.appliesTo(caller) &&
      modelsOf(context).some((model) => quota.matches(model, request.labels)),
  );
}
