import type { CompiledTarget } from "@penstock/snapshot";
import type { SkippedTarget } from "./plan-attempts.ts";

/**
 * Breakers keep out at most half of the targets that could serve, and never all: the ones that
 * recover first come back behind those that are well, so that a router neither talks itself out of
 * serving nor sends everything to the few that are left (reliability §2.5). What a provider itself
 * asked for, a wait or another credential, is respected even then. Changes both lists.
 */
export function readmit(targets: CompiledTarget[], skipped: SkippedTarget[]): void {
  const failing = skipped.filter(({ inNeed }) => inNeed);
  if (failing.length === 0) return;
  // Where all fail, one is enough to see whether they still do.
  const least = targets.length === 0 ? 1 : Math.ceil((targets.length + failing.length) / 2);
  const soonest = failing.toSorted((a, b) => (a.untilMs ?? 0) - (b.untilMs ?? 0));
  for (const back of soonest.slice(0, Math.max(0, least - targets.length))) {
    targets.push(back.target);
    skipped.splice(skipped.indexOf(back), 1);
  }
}
