import type { ConnectRouter } from "@connectrpc/connect";
import { UsageService } from "@penstock/api";
import { handlersWithStorageErrors } from "@penstock/database";
import type { PageTokens } from "@penstock/rpc";

import { getRequest } from "./get-request.ts";
import type { GetRequestDependencies } from "./get-request.ts";
import { listUsageRecords } from "./list-usage-records.ts";
import { queryUsage } from "./query-usage.ts";

/** What the handlers use. */
export interface RouteDependencies extends GetRequestDependencies {
  readonly pageTokens: PageTokens;
  /** Throws as long as the database was not prepared. */
  started(): unknown;
}

/** Registers every RPC of `penstock.telemetry.v1`. */
export function telemetryRoutes(dependencies: RouteDependencies): (router: ConnectRouter) => void {
  return (router) => {
    const handlers = {
      queryUsage: queryUsage(dependencies),
      listUsageRecords: listUsageRecords(dependencies),
      getRequest: getRequest(dependencies),
    };
    router.service(UsageService, handlersWithStorageErrors(handlers, dependencies.started));
  };
}
