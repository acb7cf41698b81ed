import { availableParallelism } from "node:os";
import { GatewayError } from "@penstock/errors";
import type { Settings } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";
import type { Role } from "../roles.ts";

/** What the size of a router is set by. */
export const workerVariables = {
  workers: {
    name: "PENSTOCK_ROUTER_WORKERS",
    kind: "integer",
    min: 1,
    max: 256,
    unit: "processes",
    roles: ["router"],
    otherwise: "one for each core; 1 beside other roles",
    meaning: "Processes that a router is made of.",
  },
} as const satisfies Settings;

/**
 * How many processes a router is made of. A process whose only role it is has one for each core
 * unless PENSTOCK_ROUTER_WORKERS says otherwise; with other roles in the process, and with all of
 * them (`roles` undefined), it is one.
 *
 * @throws GatewayError FIELD_INVALID for more than one where there can't be.
 */
export function readRouterWorkers(
  roles: readonly Role[] | undefined,
  environment?: Readonly<Record<string, string | undefined>>,
): number {
  const { workers } = readEnvironment(
    workerVariables,
    environment === undefined ? {} : { environment },
  );
  const isAlone = roles?.length === 1 && roles[0] === "router";
  if (isAlone) return workers ?? availableParallelism();
  const hasRouter = roles === undefined || roles.includes("router");
  if (workers === undefined || workers === 1 || !hasRouter) return 1;
  const description = "must be 1 where the router shares its process with other roles";
  throw new GatewayError("FIELD_INVALID", `PENSTOCK_ROUTER_WORKERS ${description}`, {
    source: "gateway",
    fieldViolations: [{ field: "PENSTOCK_ROUTER_WORKERS", description }],
  });
}
