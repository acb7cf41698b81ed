// policy, quota and telemetry in one process beside the router's, on the embedded database. Its
// parent can hold the consumers of usage events up.
import { openBus } from "@penstock/bus";
import { createSnapshotFollower } from "@penstock/config-sync";
import { createObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { gateConsumers } from "./consumer-gate.ts";
import { startControlRoles } from "./control-roles.ts";
import { announceReady, answerParent, endWhenAsked, programInput } from "./program-input.ts";

/** What the program is told. */
export interface ControlInput {
  readonly busUrl: string;
  readonly serviceToken: string;
  readonly adminToken: string;
  readonly dataDir: string;
}

const { busUrl, ...input } = programInput<ControlInput>();
const clock = systemClock;
const observability = await createObservability({ serviceName: "penstock-control", clock });
const { logger } = observability;
const gate = gateConsumers(await openBus({ url: busUrl, name: "control", clock, logger }));
const { bus } = gate;
const follower = { bus, clock, observability, epoch: 1n, build: "bench" };
const control = await startControlRoles({
  ...input,
  bus,
  observability,
  follow: () => createSnapshotFollower({ ...follower, replica: "control", report: false }),
});
answerParent(gate.answers);
announceReady({ control: control.port });
endWhenAsked(async () => {
  gate.open();
  await control.stop();
});
