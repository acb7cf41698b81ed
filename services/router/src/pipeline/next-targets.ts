import { failureTreatments } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import type { CompiledDeployment, CompiledTarget } from "@penstock/snapshot";
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

/**
 * The targets that make sense after a failure, in their order: another access to the same vendor
 * first where the failure is one of the access (K); none with the same credential where that is
 * used up or refused; only larger contexts after one that was too small.
 */
export function nextTargets(choice: TargetChoice): readonly CompiledTarget[] {
  const { failed, failure, remaining } = choice;
  const actions = failure.actions ?? failureTreatments[failure.class].actions;
  const left = remaining.filter((target) => helps(target.deployment, choice));
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

function helps(next: CompiledDeployment, choice: TargetChoice): boolean {
  const { failure } = choice;
  const failed = choice.failed.deployment;
  const scope = failure.cooldown ?? failureTreatments[failure.class].cooldown;
  if (scope === "key" && credentialKeyOf(next) === credentialKeyOf(failed)) return false;
  if (failure.class === "CONTENT_FILTERED") return choice.contentFilterFallback;
  if (failure.class === "CONTEXT_TOO_LONG") return mayHoldMore(next, failed);
  if (choice.vendorBudget || vendorKeyOf(next) !== vendorKeyOf(failed)) return true;
  return !isOutage(failure.class);
}

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
