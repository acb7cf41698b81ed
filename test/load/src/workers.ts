import { resolve } from "node:path";
import { untilConfigured } from "./constellation.ts";
import { configure } from "./control-client.ts";
import { startControlPlane, subfolder } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { HeldConsumers, heldUpSeconds } from "./held-consumers.ts";
import { jsonVariant } from "./lanes.ts";
import { startNodeProcess } from "./node-process.ts";
import { penstockNodeOptions } from "./penstock-node.ts";
import type { NodeProcess } from "./node-process.ts";
import { cpuOfFamily } from "./process-tree.ts";
import { rampUp } from "./ramp.ts";
import { alternate, quote } from "./rounds.ts";
import type { Quoted, Variant } from "./rounds.ts";
import { freePort } from "./tools/free-port.ts";
import { verify } from "./verify.ts";
import type { Verification } from "./verify.ts";
import { chunks, measuredCore, startMock } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

/**
 * A router of two workers beside one of a single process, both on one core: whether workers add to
 * what a request costs. Whether they add throughput can't be seen with two cores, of which the load
 * needs one. Consumers of usage events are held up meanwhile, see `ShapesReport`.
 */
export interface WorkersReport {
  readonly single: Quoted;
  /** CPU time of primary and workers together. */
  readonly group: Quoted;
  readonly ratio: number;
  /** Of the CPU time of all workers, that of each. */
  readonly shares: readonly number[];
  readonly verification: Verification;
  /** Beside those of the verification. */
  readonly problems: readonly string[];
}

const main = resolve(import.meta.dirname, "../../../services/penstock/src/main.ts");
const workers = 2;
/** A worker with less was not dealt its connections. */
const leastShare = 0.25;

interface RouterGroup {
  readonly process: NodeProcess;
  readonly httpPort: number;
}

/** Measures both, and checks that each worker served and each request was recorded once. */
export async function measureWorkers(bench: Workbench): Promise<WorkersReport> {
  const { progress, scale } = bench;
  const mock = await startMock(bench);
  progress("workers: starting a router of one process and one of two workers");
  const folder = bench.folder("workers");
  const plane = await startControlPlane({ folder, background: false });
  const key = await configure(plane.control, `http://127.0.0.1:${mock.port}`);
  const start = (name: string, count: number): Promise<RouterGroup> =>
    startRouter(bench, plane, { key, dataDir: subfolder(folder, name), replica: name, count });
  const single = await start("single", 1);
  const group = await start("group", workers);
  const consumers = new HeldConsumers(plane.process);
  const variant = (name: string, { process, httpPort }: RouterGroup): Variant => ({
    ...consumers.heldUp(jsonVariant(bench, { name, process, target: { httpPort, key } })),
    process: { cpu: async () => ({ cpuUs: sumOf(process.pid), mainUs: 0 }) },
  });
  for (const { httpPort } of [single, group]) {
    consumers.add(await rampUp(bench, { httpPort, key }));
  }
  progress("workers: HTTP JSON through both");
  const times = { rounds: scale.rounds, ...heldUpSeconds };
  const variants = [variant("single", single), variant("group", group)];
  const before = cpuOfFamily(group.process.pid).children;
  const measured = await alternate(variants, times);
  const shares = sharesOf(before, cpuOfFamily(group.process.pid).children);
  progress("workers: waiting until every request is recorded and posted");
  const verification = await verify({
    progress,
    control: plane.control,
    mocks: [mock],
    chunks,
    sent: consumers.sent,
  });
  for (const { process } of [group, single]) await process.stop();
  await plane.stop();
  mock.stop();
  const [one, two] = measured.map(quote);
  if (one === undefined || two === undefined) throw new TypeError("two variants were measured");
  const problems = unevenShares(shares);
  const ratio = two.cpuUsQ1 / one.cpuUsQ1;
  return { single: one, group: two, ratio, shares, verification, problems };
}

async function startRouter(
  bench: Workbench,
  plane: ControlPlane,
  own: {
    readonly key: string;
    readonly dataDir: string;
    readonly replica: string;
    readonly count: number;
  },
): Promise<RouterGroup> {
  const httpPort = await freePort();
  const ports = ["--http-port", String(httpPort), "--grpc-port", "0", "--admin-port", "0"];
  const identity = ["--data-dir", own.dataDir, "--replica", own.replica];
  const process = await startNodeProcess({
    program: main,
    nodeOptions: penstockNodeOptions,
    parameters: ["start", "--role", "router", ...identity, ...ports],
    environment: {
      PENSTOCK_BUS_URL: plane.busUrl,
      PENSTOCK_POLICY_URL: plane.controlUrl,
      PENSTOCK_QUOTA_URL: plane.controlUrl,
      PENSTOCK_SERVICE_TOKEN: plane.serviceToken,
      PENSTOCK_ROUTER_WORKERS: String(own.count),
      PENSTOCK_DRAIN_GRACE: "0s",
      PENSTOCK_LOG_LEVEL: "warn",
      OTEL_SDK_DISABLED: "true",
    },
    core: measuredCore(bench),
    readyWhen: () => untilConfigured(httpPort, own.key),
  });
  return { process, httpPort };
}

function sumOf(pid: number): number {
  const { own, children } = cpuOfFamily(pid);
  return [...children.values()].reduce((sum, cpuUs) => sum + cpuUs, own);
}

type ByPid = ReadonlyMap<number, number>;

function sharesOf(before: ByPid, after: ByPid): number[] {
  const used = [...after].map(([pid, cpuUs]) => cpuUs - (before.get(pid) ?? 0));
  const all = Math.max(
    1,
    used.reduce((sum, cpuUs) => sum + cpuUs, 0),
  );
  return used.map((cpuUs) => cpuUs / all);
}

function unevenShares(shares: readonly number[]): string[] {
  const problems: string[] = [];
  if (shares.length !== workers) problems.push(`${shares.length} workers instead of ${workers}`);
  if (shares.some((share) => share < leastShare)) problems.push("a worker was hardly used");
  return problems;
}
