import type { Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { LeaseService } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import type { SnapshotFollower } from "@penstock/config-sync";
import type { Observability } from "@penstock/observability";
import { createRouterService } from "@penstock/router";
import type { UsageDurability } from "@penstock/router";
import { systemClock } from "@penstock/runtime";

/** What a router is started with, beside its fixed settings. */
export interface RouterRoleOptions {
  readonly bus: Bus;
  readonly configuration: SnapshotFollower;
  /** The way to quota. */
  readonly transport: Transport;
  readonly observability: Observability;
  readonly dataDir: string;
  readonly replica: string;
  /** Longest wait of a request for quota, in milliseconds. */
  readonly quotaWaitMs: number;
  readonly usageDurability?: UsageDurability | undefined;
}

/** A router whose doors are open and that is ready. */
export interface RouterRole {
  readonly ports: Readonly<Record<"http" | "grpc", number>>;
  stop(): Promise<void>;
}

/** Starts a router on free ports and waits until it is ready. */
export async function startRouterRole(options: RouterRoleOptions): Promise<RouterRole> {
  const { bus, configuration, transport, observability, ...settings } = options;
  const router = createRouterService({
    config: {
      bindAddress: "127.0.0.1",
      httpPort: 0,
      grpcPort: 0,
      adminPort: 0,
      worker: "0",
      reflection: false,
      ...settings,
    },
    clock: systemClock,
    bus,
    configuration,
    clients: { leases: createClient(LeaseService, transport) },
    authenticate: () => undefined,
    observability,
  });
  const { httpPort, grpcPort } = await router.start();
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (router.health.ready()) resolve();
    };
    router.health.onChange(look);
    look();
  });
  return {
    ports: { http: httpPort, grpc: grpcPort },
    stop: async () => {
      await router.drain(5_000);
      await router[Symbol.asyncDispose]();
    },
  };
}
