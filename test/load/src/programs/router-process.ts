// The router alone in a process, as it runs in production: bus, configuration and leases come over
// the network, the spool is on the disk, spans go out by OTLP.
import { createClient } from "@connectrpc/connect";
import { LeaseService, SnapshotService } from "@penstock/api";
import { openBus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import { createObservability } from "@penstock/observability";
import { createRouterService } from "@penstock/router";
import { callOptions, createNetworkTransport } from "@penstock/rpc";
import { Secret, systemClock } from "@penstock/runtime";
import { announceReady, endWhenAsked, programInput } from "./program-input.ts";

/** What the program is told. */
export interface RouterInput {
  readonly busUrl: string;
  readonly controlUrl: string;
  readonly serviceToken: string;
  readonly dataDir: string;
  readonly replica: string;
}

const input = programInput<RouterInput>();
const clock = systemClock;
const token = new Secret(input.serviceToken);
const observability = await createObservability({ serviceName: "penstock-router", clock });
const { logger, tracer } = observability;
const bus = await openBus({ url: input.busUrl, name: input.replica, clock, logger });
const { transport } = createNetworkTransport({ url: input.controlUrl, token, tracer });
const snapshots = createClient(SnapshotService, transport);
const configuration = createSnapshotFollower({
  bus,
  fetchSnapshot: (request, signal) => snapshots.fetchSnapshot(request, callOptions({ signal })),
  replica: input.replica,
  clock,
  observability,
  report: true,
  epoch: 1n,
  build: "bench",
});
await configuration.start();
const router = createRouterService({
  config: {
    bindAddress: "127.0.0.1",
    httpPort: 0,
    grpcPort: 0,
    adminPort: 0,
    dataDir: input.dataDir,
    replica: input.replica,
    worker: "0",
    reflection: false,
    quotaWaitMs: 150,
  },
  clock,
  bus,
  configuration,
  clients: { leases: createClient(LeaseService, transport) },
  authenticate: () => undefined,
  observability,
});
const { httpPort, grpcPort } = await router.start();
router.health.onChange(() => announce());
let announced = false;
announce();

endWhenAsked(stop);

function announce(): void {
  if (announced || !router.health.ready()) return;
  announced = true;
  announceReady({ http: httpPort, grpc: grpcPort });
}

async function stop(): Promise<void> {
  await router.drain(5_000);
  await router[Symbol.asyncDispose]();
  await configuration.close();
  await bus.close();
  await observability.shutdown(5_000);
}
