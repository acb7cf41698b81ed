import type { CompiledTarget } from "@penstock/snapshot";
import type { PipelineParts } from "./pipeline-parts.ts";
import { planAttempts } from "./plan-attempts.ts";
import type { AttemptPlan, TargetAdmission } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";
import { hasTargetBudget } from "./target-quotas.ts";

/** The parts that say whether a target may be used now. */
export type AdmissionParts = Pick<PipelineParts, "clock" | "health" | "upstream" | "random">;

/** Why a target without a credential is not planned; one text for plan, error and explain. */
export const credentialMissing = "its credential is missing";

/** Gathers what the planner looks at, and plans. */
export function planForContext(context: RequestContext, parts: AdmissionParts): AttemptPlan {
  const { route, request } = context;
  if (route === undefined || request === undefined) throw new Error("runs after resolve-route");
  return planAttempts({
    route,
    request,
    stream: context.stream,
    budgeted: context.quotaUses.some((use) => use.quota.unit === "nano_usd"),
    wallMs: context.startWallMs,
    admission: (target) => {
      const unpriced = target.deployment.pricesAt(context.startWallMs) === undefined;
      if (unpriced && hasTargetBudget(context, target)) return withoutPrice;
      return admitTarget(target, parts);
    },
    random: parts.random,
  });
}

const withoutPrice: TargetAdmission = {
  ok: false,
  reason: "it has no price, and a budget applies to it",
  untilMs: undefined,
};

/** Whether a target may be used now; asked when it is planned, and again when its turn comes. */
export function admitTarget(
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "clock" | "health" | "upstream">,
): TargetAdmission {
  if (!parts.upstream.hasCredential(target)) {
    return { ok: false, reason: credentialMissing, untilMs: undefined };
  }
  const admitted = parts.health.admit(target.deployment, parts.clock.monotonicMs());
  if (admitted.ok) return admitted;
  const { reason, untilMs } = admitted;
  return { ok: false, reason: healthReasons[reason], untilMs, inNeed: reason === "breaker_open" };
}

const healthReasons = {
  breaker_open: "it failed repeatedly and is left alone for a while",
  probing: "it failed repeatedly and one request is trying it",
  cooldown: "its provider asked to be left alone for a while",
  credential_refused: "its provider refused the credential",
  deployment_refused: "its provider refused the deployment",
  full: "it has as many requests as it takes at once",
} as const;
