import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  AuditService,
  ResourceService,
  RolloutService,
  SnapshotService,
  TokenService,
} from "@penstock/api";
import { kinds } from "../resources/kinds.ts";
import { virtualKeyKind } from "../resources/virtual-key.ts";
import { applyResources } from "./apply-resources.ts";
import { awaitRevision } from "./await-revision.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { fetchSnapshot } from "./fetch-snapshot.ts";
import { identifyToken } from "./identify-token.ts";
import { issueCredential } from "./issue-credential.ts";
import { listAuditEvents } from "./list-audit-events.ts";
import { listResources } from "./list-resources.ts";
import { listRouters } from "./list-routers.ts";
import { standardHandlers } from "./resource-handlers.ts";
import { reportRouter } from "./report-router.ts";
import { revokeVirtualKey } from "./revoke-virtual-key.ts";
import { rotateVirtualKey } from "./rotate-virtual-key.ts";
import { serviceOfKind } from "./standard-methods.ts";

type Handlers = Readonly<Record<string, (request: never, context: HandlerContext) => unknown>>;

// A misspelt field of a request must not be taken for an absent one (security.md R18).
const strict = { jsonOptions: { ignoreUnknownFields: false } };

/** Every RPC of the service. Calls that come before the database was prepared get NOT_READY. */
export function registerRoutes(
  router: ConnectRouter,
  deps: ApiDependencies & { readonly started: () => unknown },
): void {
  const register = (service: DescService, handlers: Handlers): void => {
    const guarded = Object.entries(handlers).map(([name, handler]) => [
      name,
      (request: never, context: HandlerContext) => {
        deps.started();
        return handler(request, context);
      },
    ]);
    router.service(service, Object.fromEntries(guarded) as ServiceImpl<DescService>, strict);
  };
  for (const kind of kinds) {
    if (kind === virtualKeyKind) continue;
    register(serviceOfKind[kind.case], standardHandlers(kind, deps));
  }
  register(serviceOfKind.virtualKey, {
    ...standardHandlers(virtualKeyKind, deps, issueCredential),
    rotateVirtualKey: rotateVirtualKey(deps),
    revokeVirtualKey: revokeVirtualKey(deps),
  });
  register(ResourceService, {
    applyResources: applyResources(deps),
    listResources: listResources(deps),
  });
  register(RolloutService, {
    listRouters: listRouters(deps),
    awaitRevision: awaitRevision(deps),
  });
  register(AuditService, { listAuditEvents: listAuditEvents(deps) });
  register(SnapshotService, {
    fetchSnapshot: fetchSnapshot(deps),
    reportRouter: reportRouter(deps),
  });
  register(TokenService, { identifyToken: identifyToken(deps) });
}
