// The router alone in a process, as it runs in production: bus, configuration and leases come over
// the network, the spool is on the disk, spans go out by OTLP.
import { createClient } from "@connectrpc/connect";
import { SnapshotService } from "@penstock/api";
import { openBus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import { createObservability } from "@penstock/observability";
import type { UsageDurability } from "@penstock/router";
import { callOptions, createNetworkTransport } from "@penstock/rpc";
import { Secret, systemClock } from "@penstock/runtime";
import { announceReady, endWhenAsked, programInput } from "./program-input.ts";
import { startRouterRole } from "./router-role.ts";

/** What the program is told. */
export interface RouterInput {
  readonly busUrl: string;
  readonly controlUrl: string;
  readonly serviceToken: string;
  readonly dataDir: string;
  readonly replica: string;
  readonly usageDurability?: UsageDurability | undefined;
}

// Decisions §6, as where quota is in another process.
const quotaWaitMs = 150;

const input = programInput<RouterInput>();
const { replica, dataDir, usageDurability } = input;
const clock = systemClock;
const token = new Secret(input.serviceToken);
const observability = await createObservability({ serviceName: "penstock-router", clock });
const { logger, tracer } = observability;
const bus = await openBus({ url: input.busUrl, name: replica, clock, logger });
const { transport } = createNetworkTransport({ url: input.controlUrl, token, tracer });
const snapshots = createClient(SnapshotService, transport);
const configuration = createSnapshotFollower({
  bus,
  fetchSnapshot: (request, signal) => snapshots.fetchSnapshot(request, callOptions({ signal })),
  replica,
  clock,
  observability,
  report: true,
  epoch: 1n,
  build: "bench",
});
await configuration.start();
const own = { replica, dataDir, usageDurability, quotaWaitMs };
const router = await startRouterRole({ bus, configuration, transport, observability, ...own });
announceReady(router.ports);

endWhenAsked(async () => {
  await router.stop();
  await configuration.close();
  await bus.close();
  await observability.shutdown(5_000);
});
