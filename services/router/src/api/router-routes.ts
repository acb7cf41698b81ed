import type { ConnectRouter } from "@connectrpc/connect";
import { RouterService } from "@penstock/api";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import { explainRequest } from "./explain-request.ts";
import { getSnapshotInfo } from "./get-snapshot-info.ts";
import { listTargetHealth } from "./list-target-health.ts";
import { missingCredentials } from "./missing-credentials.ts";
import type { CredentialProblems } from "./missing-credentials.ts";
import { listUnmappedFailures } from "./list-unmapped-failures.ts";

/** RouterService, for the admin port. */
export function routerRoutes(
  parts: PipelineParts,
  configuration: SnapshotFollower,
  credentials: CredentialProblems,
): (router: ConnectRouter) => void {
  const explain = { parts, currentSnapshot: () => configuration.current() };
  return (router) => {
    router.service(RouterService, {
      explainRequest: (request) => explainRequest(explain, request),
      getSnapshotInfo: () => getSnapshotInfo(configuration),
      listTargetHealth: () =>
        listTargetHealth(parts, missingCredentials(configuration.current(), credentials)),
      listUnmappedFailures: () => listUnmappedFailures(parts.failureSamples),
    });
  };
}
