import type { ReportRouterRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { ApiDependencies } from "./dependencies.ts";

/** Takes the report of a router whose bus is away; it counts like one that came over the bus. */
export function reportRouter({ routers }: Pick<ApiDependencies, "routers">) {
  return ({ status }: ReportRouterRequest) => {
    if (status === undefined || status.replica === "") {
      throw new GatewayError("FIELD_INVALID", "A report names its router.", {
        fieldViolations: [{ field: "status.replica", description: "is required" }],
      });
    }
    routers.hear(status);
    return {};
  };
}
