import type { GenerateRequest } from "@penstock/api";
import type { CompiledRoute, CompiledTarget } from "@penstock/snapshot";

/** Whether a target may be used now, and if not, why and until when (monotonic). */
export type TargetAdmission =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      readonly untilMs: number | undefined;
      /** True when only its own failures stand against it, so that it may be tried in need. */
      readonly inNeed?: boolean;
    };

/** What the planner looks at; all of it known before anything is sent. */
export interface PlanInput {
  readonly route: CompiledRoute;
  readonly request: GenerateRequest;
  readonly stream: boolean;
  /** True when a budget applies: a target without a price can't be kept within it. */
  readonly budgeted: boolean;
  readonly wallMs: number;
  /** Health and credential of a target, by the target. */
  readonly admission: (target: CompiledTarget) => TargetAdmission;
  /** Numbers from 0 to below 1, for the weighted strategy. */
  readonly random: () => number;
}

/** A target that is not planned, and why. */
export interface SkippedTarget {
  readonly target: CompiledTarget;
  readonly reason: string;
  /** True when only its own failures stand against it. */
  readonly inNeed: boolean;
  /** When it may be planned again. Monotonic milliseconds; undefined: not by waiting. */
  readonly untilMs: number | undefined;
}

/** The ordered candidates, fixed before anything is sent. */
export interface AttemptPlan {
  readonly targets: readonly CompiledTarget[];
  readonly skipped: readonly SkippedTarget[];
  readonly maxAttempts: number;
}

/**
 * Route × wishes × capabilities × health → the targets in the order they are tried. When breakers
 * are open on every target that could serve, the one that recovers first is tried all the same: a
 * router must never talk itself out of serving (reliability §2.5). What a provider itself asked for,
 * a wait or another credential, is respected even then.
 */
export function planAttempts(input: PlanInput): AttemptPlan {
  const targets: CompiledTarget[] = [];
  const skipped: SkippedTarget[] = [];
  for (const target of order(input)) {
    const unfit = unfitness(input, target);
    if (unfit !== undefined) {
      skipped.push({ target, reason: unfit, inNeed: false, untilMs: undefined });
      continue;
    }
    const admission = input.admission(target);
    if (admission.ok) targets.push(target);
    else {
      const { reason, untilMs, inNeed = false } = admission;
      skipped.push({ target, reason, inNeed, untilMs });
    }
  }
  if (targets.length === 0) usePanicTarget(targets, skipped);
  const wishes = input.request.routing;
  if (wishes?.allowFallbacks === false) targets.splice(1);
  const wished = wishes?.maxAttempts ?? input.route.maxAttempts;
  return { targets, skipped, maxAttempts: Math.min(wished, input.route.maxAttempts) };
}

function usePanicTarget(targets: CompiledTarget[], skipped: SkippedTarget[]): void {
  let soonest: SkippedTarget | undefined;
  for (const candidate of skipped) {
    if (!candidate.inNeed) continue;
    if (soonest === undefined || (candidate.untilMs ?? 0) < (soonest.untilMs ?? 0)) {
      soonest = candidate;
    }
  }
  if (soonest === undefined) return;
  targets.push(soonest.target);
  skipped.splice(skipped.indexOf(soonest), 1);
}

function order(input: PlanInput): readonly CompiledTarget[] {
  const { route, request } = input;
  const ordered =
    route.strategy === "weighted" ? drawByWeight(route.targets, input.random) : route.targets;
  const wished = request.routing?.providerOrder ?? [];
  if (wished.length === 0) return ordered;
  const rank = (target: CompiledTarget): number => {
    const at = wished.indexOf(target.deployment.provider.name);
    return at === -1 ? wished.length : at;
  };
  return ordered.toSorted((a, b) => rank(a) - rank(b));
}

/** Draws all targets one after another, each by its share of what is left. */
function drawByWeight(
  targets: readonly CompiledTarget[],
  random: () => number,
): readonly CompiledTarget[] {
  const left = targets.filter((target) => target.weight > 0);
  const drawn: CompiledTarget[] = [];
  let total = left.reduce((sum, target) => sum + target.weight, 0);
  while (left.length > 0) {
    let at = random() * total;
    let index = 0;
    while (index < left.length - 1 && at >= (left[index]?.weight ?? 0)) {
      at -= left[index]?.weight ?? 0;
      index += 1;
    }
    const [target] = left.splice(index, 1);
    if (target === undefined) break;
    total -= target.weight;
    drawn.push(target);
  }
  return drawn;
}

/** Why a target can't serve the request at all; undefined when it can. */
function unfitness(input: PlanInput, target: CompiledTarget): string | undefined {
  const { request } = input;
  const { deployment } = target;
  const provider = deployment.provider.name;
  const wishes = request.routing;
  if (wishes !== undefined) {
    if (wishes.onlyProviders.length > 0 && !wishes.onlyProviders.includes(provider)) {
      return "the request asks for other providers";
    }
    if (wishes.ignoreProviders.includes(provider)) return "the request avoids its provider";
  }
  const capability = missingCapability(input, target);
  if (capability !== undefined) return `it lacks ${capability}`;
  const prices = deployment.pricesAt(input.wallMs);
  if (prices === undefined && input.budgeted) {
    return "it has no price, and a budget applies to the request";
  }
  const dearest = wishes?.maxOutputPriceNanoUsdPerMillionTokens;
  if (dearest !== undefined && (prices?.outputNanoUsdPerMillionTokens ?? 0n) > dearest) {
    return "it costs more than the request allows";
  }
  return undefined;
}

function missingCapability(input: PlanInput, target: CompiledTarget): string | undefined {
  const { request, stream } = input;
  const { capabilities } = target.deployment;
  if (stream && capabilities.streaming === false) return "streaming";
  if (request.tools.length > 0 && capabilities.tools === false) return "tools";
  if (request.responseFormat?.format.case === "jsonSchema" && capabilities.jsonSchema === false) {
    return "answers by JSON schema";
  }
  if ((request.candidateCount ?? 1) > 1 && capabilities.multipleCandidates === false) {
    return "several answers at once";
  }
  const wanted = request.sampling?.maxOutputTokens;
  const most = capabilities.maxOutputTokens;
  if (wanted !== undefined && most !== undefined && BigInt(wanted) > most) {
    return "room for so many output tokens";
  }
  return undefined;
}
