import type { Client, ConnectRouter } from "@connectrpc/connect";
import type { LeaseService } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { Observability } from "@penstock/observability";
import type { Authenticate } from "@penstock/rpc";
import type { Clock, HealthRegistry } from "@penstock/runtime";
import type { RouterConfig } from "./config.ts";
import { buildRouterParts } from "./router-parts.ts";
import { RunningRouter } from "./running-router.ts";
import { keepRequestsShortLived } from "./short-lived-requests.ts";

/** What a router needs from outside. */
export interface RouterDependencies {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly configuration: SnapshotFollower;
  readonly clients: { readonly leases: Client<typeof LeaseService> };
  /** Turns a token of the admin port into an identity. */
  readonly authenticate: Authenticate;
  readonly observability: Observability;
}

/** Where a started router can be reached. */
export interface RouterAddresses {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** 0: none was opened. */
  readonly adminPort: number;
}

/** A running router. */
export interface RouterService {
  readonly health: HealthRegistry;
  /** Also served on the admin port. */
  routes(router: ConnectRouter): void;
  /** Opens the ports; ready when a configuration is there and quota has answered, or not in 1 s. */
  start(): Promise<RouterAddresses>;
  /**
   * Announces its end, accepts for the grace of its settings, lets what is open end by the deadline,
   * then interrupts it; publishes what is left of the usage, at most 5 s, and gives leases back.
   * Asked again while it drains, everything is over by the new deadline, or after 2 s for what
   * comes after the streams.
   */
  drain(deadlineMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Builds a router; all wiring of it is in `router-parts.ts`, its order in `running-router.ts`. */
export function createRouterService(deps: RouterDependencies): RouterService {
  keepRequestsShortLived();
  return new RunningRouter(deps, buildRouterParts(deps));
}
