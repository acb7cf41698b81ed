import { failureTreatments } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import type { CompiledDeployment, CompiledTarget } from "@penstock/snapshot";
import type { ExclusionRule } from "../choosing/exclude-target.ts";
import { failureEffects } from "../health/failure-effects.ts";
import { credentialKeyOf, vendorKeyOf } from "../health/target-record.ts";
import type { AttemptFailure } from "./attempt-failure.ts";

/** What the choice of the next targets rests on. */
export interface TargetChoice {
  readonly failed: CompiledTarget;
  readonly failure: Pick<AttemptFailure, "class" | "cooldown" | "actions">;
  /** Planned after the failed one. */
  readonly remaining: readonly CompiledTarget[];
  /** Whether another vendor's refusal of content may be tried elsewhere. */
  readonly contentFilterFallback: boolean;
  /** Which of the models that the request names a target is planned for. */
  readonly modelOf: (target: CompiledTarget) => string | undefined;
  /** Whether the caller named the order itself. */
  readonly orderWished: boolean;
  /** Whether the vendor may be called on another of its targets for this request. */
  readonly vendorBudget: boolean;
  /** Attempts that may still be made. */
  readonly attemptsLeft: number;
}

/** What is left of a plan after a failure. */
export interface NextTargets {
  /** In the order in which they are tried. */
  readonly targets: readonly CompiledTarget[];
  /** Those that the failure rules out, each with the rule. */
  readonly dropped: readonly (ExclusionRule & { readonly target: CompiledTarget })[];
}

/**
 * The targets that make sense after a failure, in their order: another access to the same vendor
 * first where the failure is one of the access (K); none with the same credential where that is
 * used up or refused; only larger contexts after one that was too small.
 */
export function nextTargets(choice: TargetChoice): NextTargets {
  const left: CompiledTarget[] = [];
  const dropped: NextTargets["dropped"][number][] = [];
  for (const target of choice.remaining) {
    const rule = uselessness(target.deployment, choice);
    if (rule === undefined) left.push(target);
    else dropped.push({ ...rule, target });
  }
  return { targets: ordered(left, choice), dropped };
}

function ordered(left: readonly CompiledTarget[], choice: TargetChoice): readonly CompiledTarget[] {
  const { failed, failure } = choice;
  const actions = failure.actions ?? failureTreatments[failure.class].actions;
  if (choice.attemptsLeft === 1 && isOutage(failure.class)) return otherVendorFirst(failed, left);
  if (!actions.includes("K") || choice.orderWished) return left;
  const vendor = vendorKeyOf(failed.deployment);
  const sameVendor = (target: CompiledTarget): boolean =>
    vendorKeyOf(target.deployment) === vendor &&
    choice.modelOf(target) === choice.modelOf(failed) &&
    accessOf(target.deployment) !== accessOf(failed.deployment);
  return [...left.filter(sameVendor), ...left.filter((target) => !sameVendor(target))];
}

/** The last attempt is not spent on the vendor that fails while another one was never asked. */
function otherVendorFirst(
  failed: CompiledTarget,
  targets: readonly CompiledTarget[],
): readonly CompiledTarget[] {
  const vendor = vendorKeyOf(failed.deployment);
  const other = targets.find((target) => vendorKeyOf(target.deployment) !== vendor);
  return other === undefined ? targets : [other, ...targets.filter((target) => target !== other)];
}

function uselessness(next: CompiledDeployment, choice: TargetChoice): ExclusionRule | undefined {
  const { failure } = choice;
  const failed = choice.failed.deployment;
  const scope = failure.cooldown ?? failureTreatments[failure.class].cooldown;
  if (scope === "key" && credentialKeyOf(next) === credentialKeyOf(failed)) {
    return useless.sameCredential;
  }
  if (failure.class === "CONTENT_FILTERED") {
    return choice.contentFilterFallback ? undefined : useless.contentFilter;
  }
  if (failure.class === "CONTEXT_TOO_LONG") {
    return mayHoldMore(next, failed) ? undefined : useless.context;
  }
  if (choice.vendorBudget || vendorKeyOf(next) !== vendorKeyOf(failed)) return undefined;
  return isOutage(failure.class) ? useless.vendorBudget : undefined;
}

const useless = {
  sameCredential: {
    rule: "same_credential",
    reason: "it has the credential that was refused or is used up",
  },
  contentFilter: {
    rule: "content_filter_fallback",
    reason: "the route does not show to it what a content filter has refused",
  },
  context: { rule: "context_not_larger", reason: "its context is not larger" },
  vendorBudget: {
    rule: "vendor_retry_budget",
    reason: "its vendor fails and was called again often enough",
  },
} as const satisfies Record<string, ExclusionRule>;

/** What more calls of the vendor make worse. What cools something down does not come again soon. */
function isOutage(failureClass: FailureClass): boolean {
  const effect = failureEffects[failureClass];
  return effect === "failure" || effect === "overloaded" || failureClass === "CONFLICT";
}

/** Where a size is not said, another model may have a larger one; the same model has the same. */
function mayHoldMore(next: CompiledDeployment, failed: CompiledDeployment): boolean {
  const [more, less] = [next, failed].map(({ capabilities }) => capabilities.contextTokens);
  if (more !== undefined && less !== undefined) return more > less;
  return next.model !== failed.model;
}

/** Another key, region or address of a vendor has its own limits. */
function accessOf(deployment: CompiledDeployment): string {
  return `${deployment.provider.origin} ${credentialKeyOf(deployment)}`;
}
