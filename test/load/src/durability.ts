import { startConstellation, untilConfigured } from "./constellation.ts";
import { benchBudget, budgetOf, configureProject } from "./control-client.ts";
import { HeldConsumers, heldUpSeconds } from "./held-consumers.ts";
import { httpLoad, jsonVariant } from "./lanes.ts";
import type { HttpTarget } from "./lanes.ts";
import type { NodeProcess } from "./node-process.ts";
import { rampUp } from "./ramp.ts";
import { alternate, quote, warm } from "./rounds.ts";
import type { Quoted, Variant } from "./rounds.ts";
import { verify } from "./verify.ts";
import type { Verification } from "./verify.ts";
import { chunks, startMock, traceRatio } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

/** One way of keeping usage. */
export interface DurabilityMode {
  /** `disk`, `synced` or `bus_ack`. */
  readonly name: string;
  readonly quoted: Quoted;
  /** CPU time of the router per request over that of `disk`. */
  readonly cpuRatio: number;
  /** Median latency beyond that of the provider, in microseconds. */
  readonly addedP50Us: number;
  readonly addedP50Ratio: number;
}

/**
 * What each way of keeping usage costs, at a rate that a router is far from busy with: so that
 * latency is that of waiting for disk or bus, not for the processor. Consumers of usage events are
 * held up meanwhile, see `ShapesReport`.
 */
export interface DurabilityReport {
  readonly pace: string;
  readonly modes: readonly DurabilityMode[];
  readonly verification: Verification;
}

const pace = { connections: 32, rate: 300 } as const;
const syncedProject = "bench-synced";

interface Mode {
  readonly name: string;
  readonly router: NodeProcess;
  readonly key: string;
}

/** Measures the modes in turn, at one rate. */
export async function measureDurability(bench: Workbench): Promise<DurabilityReport> {
  const { progress, pinned, scale, toolbox, bodies } = bench;
  const mock = await startMock(bench);
  const directMock = await startMock(bench);
  progress("durability: starting two routers");
  const folder = bench.folder("durability");
  const held = { traceRatio, holdsConsumers: true };
  const constellation = await startConstellation({ folder, mock, pinned, ...held });
  const { control, router, key, spans } = constellation;
  const acknowledged = { replica: "r2", usageDurability: "bus_ack" } as const;
  const second = await constellation.addRouter(acknowledged);
  const syncedKey = await configureProject(control, syncedProject, true);
  await untilConfigured(router.ports["http"] ?? 0, syncedKey);
  const modes: Mode[] = [
    { name: "disk", router, key },
    { name: "synced", router, key: syncedKey },
    { name: "bus_ack", router: second, key },
  ];
  const consumers = new HeldConsumers(constellation.plane.process);
  const load = (target: HttpTarget) => (seconds: number) =>
    httpLoad(toolbox, bodies.json, target, { ...pace, seconds });
  const direct: Variant = { name: "direct", load: load({ httpPort: directMock.port }) };
  const paced: Variant[] = [direct];
  for (const { name, router: process, key: own } of modes) {
    const target = { httpPort: process.ports["http"] ?? 0, key: own };
    progress(`durability: warming ${name}`);
    consumers.add(await rampUp(bench, target));
    const saturated = jsonVariant(bench, { name, process, target });
    await warm(consumers.heldUp(saturated), heldUpSeconds.warmSeconds);
    paced.push(consumers.heldUp({ name, process, load: load(target) }));
  }
  progress(`durability: ${pace.rate} requests/s`);
  const times = { rounds: scale.pacedRounds, seconds: scale.pacedSeconds, warmSeconds: 0 };
  const quoted = (await alternate(paced, times)).map(quote);
  progress("durability: waiting until every request is recorded and posted");
  const verification = await verify({
    progress,
    control,
    mocks: [mock],
    chunks,
    serverSpans: spans.serverSpans,
    traceRatio,
    sent: consumers.sent,
    budgets: [benchBudget, budgetOf(syncedProject)],
  });
  await constellation.stop();
  for (const one of [mock, directMock]) one.stop();
  return { pace: `${pace.rate} requests/s`, modes: compareModes(quoted), verification };
}

/** Compares with the second, which is the default; the first is the provider itself. */
function compareModes([direct, ...modes]: readonly Quoted[]): DurabilityMode[] {
  const added = (one: Quoted): number => one.p50Us - (direct?.p50Us ?? 0);
  const usual = modes[0];
  return modes.map((quoted) => ({
    name: quoted.name,
    quoted,
    cpuRatio: quoted.cpuUsQ1 / (usual?.cpuUsQ1 ?? Number.NaN),
    addedP50Us: added(quoted),
    addedP50Ratio: added(quoted) / (usual === undefined ? Number.NaN : added(usual)),
  }));
}
