import type { StartSettings } from "./settings.ts";

/** Time for load balancers to hear that a process ends (reliability §2.7). */
const defaultGraceMs = 5_000;

/** How long a process that ends still accepts, in milliseconds: a laptop has no load balancer. */
export function drainGraceOf({
  roles,
  drainGraceMs,
}: Pick<StartSettings, "roles" | "drainGraceMs">): number {
  return drainGraceMs ?? (roles === undefined ? 0 : defaultGraceMs);
}
