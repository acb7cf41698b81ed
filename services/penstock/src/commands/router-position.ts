import type { RouterStatus } from "@penstock/api";
import { replicaOfWorker } from "@penstock/bus";

/**
 * How many routers there are, as people count them: each worker of one reports by itself, and all
 * of them are one router.
 */
export function countRouters(reports: readonly Pick<RouterStatus, "replica">[]): string {
  const routers = new Set(reports.map(({ replica }) => replicaOfWorker(replica))).size;
  const count = routers === 1 ? "1 router" : `${routers} routers`;
  return routers === reports.length ? count : `${count} with ${reports.length} workers`;
}

/** Whether a router has what it has from another installation: its number says nothing then. */
export function isForeign(router: RouterStatus, installationId: string): boolean {
  // Policy of an older build does not tell its own.
  if (installationId === "" || router.installationId === "") return false;
  return router.installationId !== installationId;
}

/** The revision that a router has, as people read it. */
export function routerPosition(router: RouterStatus, installationId: string): string {
  const revision = String(router.appliedRevision);
  return isForeign(router, installationId) ? `${revision} of another installation` : revision;
}

/** The routers that do not have a revision of an installation. */
export function routersWithout(
  routers: readonly RouterStatus[],
  { installationId, revision }: { readonly installationId: string; readonly revision: bigint },
): RouterStatus[] {
  return routers.filter(
    (router) => router.appliedRevision < revision || isForeign(router, installationId),
  );
}
