import type { DescService } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** The standard health service of a grpc-js server. */
export interface GrpcHealth {
  /** Says of all services, and of the server as a whole, whether they serve. */
  setServing(serving: boolean): void;
}

/** Adds `grpc.health.v1.Health` to a server; nothing serves until `setServing(true)`. */
export function addGrpcHealth(server: Server, services: readonly DescService[]): GrpcHealth {
  const names = ["", ...services.map((service) => service.typeName)];
  const health = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, "NOT_SERVING" as const])),
  );
  health.addToServer(server);
  return {
    setServing: (serving) => {
      for (const name of names) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    },
  };
}
