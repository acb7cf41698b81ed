import { resource } from "./control-client.ts";
import type { AllInOne } from "./all-in-one.ts";
import type { Bodies } from "./bodies.ts";
import { httpLoad } from "./lanes.ts";
import type { NodeProcess } from "./node-process.ts";
import type { StallReading } from "./programs/process-probe.ts";
import type { Toolbox } from "./tools/toolbox.ts";

/** The longest time for which the event loop stood still, and what happened meanwhile. */
export interface StallReport {
  readonly stall: StallReading;
  /** The same in a process that does nothing, at the same time: what the machine adds. */
  readonly idle: StallReading;
  readonly policyWrites: number;
  readonly requests: number;
  readonly streams: number;
  readonly seconds: number;
}

/** Settings of the measurement. */
export interface StallOptions {
  readonly allInOne: AllInOne;
  readonly idle: NodeProcess;
  readonly toolbox: Toolbox;
  readonly bodies: Bodies;
  readonly policyWrites: number;
  readonly requests: number;
  readonly streams: number;
}

const writersAtOnce = 4;

/**
 * Measures the event loop of the whole Penstock in one process while streams are open, requests
 * end (each is a usage event that is stored and posted) and policy is written.
 */
export async function measureStall(options: StallOptions): Promise<StallReport> {
  const { allInOne, idle, policyWrites, requests, streams } = options;
  const startMs = performance.now();
  let writing = true;
  const streaming = keepStreamsOpen(options, () => writing);
  await Promise.all([allInOne.process.beginStalls(), idle.beginStalls()]);
  const ratePerSecond = 100;
  const [, sent] = await Promise.all([
    writePolicies(allInOne, policyWrites),
    httpLoad(options.toolbox, options.bodies.json, allInOne, {
      connections: 16,
      rate: ratePerSecond,
      seconds: requests / ratePerSecond,
    }),
  ]);
  const [stall, idleStall] = await Promise.all([allInOne.process.endStalls(), idle.endStalls()]);
  const seconds = (performance.now() - startMs) / 1_000;
  writing = false;
  await streaming;
  return { stall, idle: idleStall, policyWrites, requests: sent.requests, streams, seconds };
}

async function keepStreamsOpen(options: StallOptions, wanted: () => boolean): Promise<void> {
  const { toolbox, bodies, allInOne, streams } = options;
  while (wanted()) {
    const load = { connections: streams, rate: 0, seconds: 2 };
    await httpLoad(toolbox, bodies.stream, allInOne, load);
  }
}

async function writePolicies(allInOne: AllInOne, count: number): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const policy = {
        name: `policies/bench-${index % 50}`,
        displayName: `Change ${index}`,
        scope: { project: "projects/bench" },
        denyModels: [`never-${index}`],
      };
      await allInOne.control.resources.applyResources({ resources: [resource({ policy })] });
    }
  };
  await Promise.all(Array.from({ length: writersAtOnce }, write));
}
