import type { CompiledTarget } from "@penstock/snapshot";
import type { SkippedTarget } from "./plan-attempts.ts";

/** Rule by which a target is asked behind all others that are well. */
export const limitReached = "limit_reached";

/**
 * Breakers keep out at most half of the targets that could serve, and never all: the ones that
 * recover first come back behind those that are well, so that a router neither talks itself out of
 * serving nor sends everything to the few that are left (reliability §2.5). What a provider itself
 * asked for, a wait or another credential, is respected even then. Where all fail, one of them is
 * asked by few: those for whom `mayTryOpen` says so. What has nothing left of a limit is well, and
 * comes back behind what has. Changes both lists.
 */
export function readmit(
  targets: CompiledTarget[],
  skipped: SkippedTarget[],
  mayTryOpen: (target: CompiledTarget) => boolean,
): void {
  const out = skipped.filter(({ inNeed }) => inNeed);
  if (out.length === 0) return;
  const soonest = out.toSorted((a, b) => (a.untilMs ?? 0) - (b.untilMs ?? 0));
  const failing: SkippedTarget[] = [];
  for (const one of soonest) {
    if (one.rule === limitReached) takeBack(one);
    else failing.push(one);
  }
  if (targets.length === 0) {
    const tried = failing.find(({ target }) => mayTryOpen(target));
    if (tried !== undefined) takeBack(tried);
    return;
  }
  const least = Math.ceil((targets.length + failing.length) / 2);
  for (const back of failing.slice(0, Math.max(0, least - targets.length))) takeBack(back);

  function takeBack(one: SkippedTarget): void {
    targets.push(one.target);
    skipped.splice(skipped.indexOf(one), 1);
  }
}
