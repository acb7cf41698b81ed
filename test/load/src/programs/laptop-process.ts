// All roles in one process as `penstock start` composes them: memory bus, embedded database, calls
// without the network. The only difference: its parent can hold the consumers of usage events up.
import { createClient } from "@connectrpc/connect";
import { SnapshotService } from "@penstock/api";
import { openBus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import { createObservability } from "@penstock/observability";
import { createInProcessTransport } from "@penstock/rpc";
import { Secret, systemClock } from "@penstock/runtime";
import { gateConsumers } from "./consumer-gate.ts";
import { startControlRoles } from "./control-roles.ts";
import { announceReady, answerParent, endWhenAsked, programInput } from "./program-input.ts";
import { startRouterRole } from "./router-role.ts";

/** What the program is told. */
export interface LaptopInput {
  readonly serviceToken: string;
  readonly adminToken: string;
  /** Of the router's spool. */
  readonly dataDir: string;
  /** Of the embedded database. */
  readonly databaseDir: string;
}

// As `start` waits where quota is in the same process.
const quotaWaitMs = 1_500;

const { dataDir, databaseDir, ...tokens } = programInput<LaptopInput>();
const clock = systemClock;
const token = new Secret(tokens.serviceToken);
const observability = await createObservability({ serviceName: "penstock", clock });
const { logger, tracer } = observability;
const gate = gateConsumers(await openBus({ name: "laptop", clock, logger }));
const { bus } = gate;
const control = await startControlRoles({
  ...tokens,
  dataDir: databaseDir,
  bus,
  observability,
  follow: (routes, authenticate) => {
    const serving = { observability, authenticate };
    const { transport } = createInProcessTransport(routes, serving, { token, tracer });
    const snapshots = createClient(SnapshotService, transport);
    return createSnapshotFollower({
      bus,
      fetchSnapshot: (request) => snapshots.fetchSnapshot(request),
      replica: "laptop",
      clock,
      observability,
      report: true,
      epoch: 1n,
      build: "bench",
    });
  },
});
const { configuration, authenticate } = control;
const serving = { observability, authenticate };
const { transport } = createInProcessTransport(control.routes, serving, { token, tracer });
const own = { dataDir, replica: "laptop", quotaWaitMs };
const router = await startRouterRole({ bus, configuration, transport, observability, ...own });
answerParent(gate.answers);
announceReady({ ...router.ports, control: control.port });

endWhenAsked(async () => {
  gate.open();
  await router.stop();
  await control.stop();
  await observability.shutdown(5_000);
});
