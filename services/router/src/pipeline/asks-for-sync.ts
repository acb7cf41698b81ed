import type { CompiledRoute } from "@penstock/snapshot";
import type { RequestContext } from "./request-context.ts";

/** Routes with a target that has a quota with `durability: SYNCED`; a route belongs to a snapshot. */
const routes = new WeakMap<CompiledRoute, boolean>();

/**
 * Whether a quota of the request wants its records on the disk, and not only written, before its
 * provider is called and before the last bytes of its answer. Quotas of a target count when the
 * route could choose it: which one it will be is not known yet.
 */
export function asksForSync(context: RequestContext): boolean {
  const { caller, quotaUses, route } = context;
  if (caller?.syncedDurability === true && quotaUses.some(({ quota }) => quota.synced)) return true;
  return route !== undefined && hasSyncedTarget(route);
}

function hasSyncedTarget(route: CompiledRoute): boolean {
  const known = routes.get(route);
  if (known !== undefined) return known;
  const found = route.targets.some(({ deployment }) =>
    deployment.quotas.some(({ synced }) => synced),
  );
  routes.set(route, found);
  return found;
}
