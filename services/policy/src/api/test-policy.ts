import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { Role } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import { createMemoryBus } from "@penstock/bus";
import type { DatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { recordingObservability } from "@penstock/observability";
import type { RecordingObservability } from "@penstock/observability";
import { createInProcessTransport } from "@penstock/rpc";
import type { Identity } from "@penstock/rpc";
import { Secret, systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { PolicyService } from "../service.ts";
import { createPolicyService } from "../service.ts";

/** Parts that a test brings itself; the rest is embedded. */
export interface HarnessOptions {
  readonly database?: DatabaseServer;
  readonly bus?: Bus;
  readonly clock?: Clock;
  readonly housekeepingIntervalMs?: number;
}

/** A running policy service for tests, spoken to through its API only. */
export interface PolicyHarness {
  readonly service: PolicyService;
  readonly database: DatabaseServer;
  readonly bus: Bus;
  readonly observability: RecordingObservability;
  /** A client with role admin, or with the identity given. */
  client<Desc extends DescService>(service: Desc, identity?: Identity): Client<Desc>;
  /** Stops the service and what the harness opened itself. */
  close(): Promise<void>;
}

const admin: Identity = { kind: "admin", name: "alice", roles: [Role.ADMIN] };

/** An identity of Penstock's own services. */
export const routerIdentity: Identity = { kind: "service", name: "router", roles: [] };

/** Starts the service over PGlite and the memory bus. */
export async function startPolicyHarness(options: HarnessOptions = {}): Promise<PolicyHarness> {
  const database = options.database ?? (await openTestDatabase());
  const clock = options.clock ?? systemClock;
  const bus = options.bus ?? createMemoryBus({ clock });
  const observability = recordingObservability();
  const config = { housekeepingIntervalMs: options.housekeepingIntervalMs ?? 60_000 };
  const service = await createPolicyService({ config, clock, bus, database, observability });
  await service.start();
  const client = <Desc extends DescService>(desc: Desc, identity: Identity = admin) => {
    const { transport } = createInProcessTransport(
      (router) => service.routes(router),
      { observability, authenticate: () => identity },
      { token: new Secret("test-token"), tracer: observability.tracer, defaultTimeoutMs: 60_000 },
    );
    return createClient(desc, transport);
  };
  const close = async (): Promise<void> => {
    await service[Symbol.asyncDispose]();
    if (options.bus === undefined) await bus.close();
    if (options.database === undefined) await database.close();
  };
  return { service, database, bus, observability, client, close };
}
