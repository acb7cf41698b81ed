import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverLane } from "@penstock/test-support";
import { startAllInOne } from "./all-in-one.ts";
import { writeBodies } from "./bodies.ts";
import type { Bodies } from "./bodies.ts";
import { startConstellation } from "./constellation.ts";
import { jsonVariant, makeLanes } from "./lanes.ts";
import type { Lane } from "./lanes.ts";
import { describeMachine } from "./machine.ts";
import type { Machine } from "./machine.ts";
import { startNodeProcess } from "./node-process.ts";
import type { NodeProcess } from "./node-process.ts";
import { canPin, cores, pinMyself } from "./pinning.ts";
import { alternate, quote } from "./rounds.ts";
import type { Quoted } from "./rounds.ts";
import { measureStall } from "./stall.ts";
import type { StallReport } from "./stall.ts";
import { prepareToolbox } from "./tools/toolbox.ts";
import type { Toolbox } from "./tools/toolbox.ts";
import { verify } from "./verify.ts";
import type { Verification } from "./verify.ts";

/** What to measure, and how long. */
export interface BenchOptions {
  readonly quick: boolean;
  /** Told what is being done. */
  readonly progress: (text: string) => void;
  /** Only some parts; all when absent. */
  readonly parts?: readonly BenchPart[];
  /** Folder for a CPU profile of the router; none when absent. */
  readonly profileFolder?: string | undefined;
}

/** `json`: only the first lane; `lanes`: all of them; `stall`: the whole in one process. */
export type BenchPart = "json" | "lanes" | "stall";

/** One kind of request. */
export interface LaneResult {
  readonly name: string;
  readonly unit: string;
  readonly unitsPerRequest: number;
  readonly load: string;
  readonly pace: string;
  readonly firstByte: boolean;
  readonly saturated: readonly Quoted[];
  readonly paced: readonly Quoted[];
  /** CPU time of Penstock over that of the floor, of the lower quartiles. */
  readonly ratio: number;
}

/** Everything that was measured. */
export interface BenchReport {
  readonly machine: Machine;
  readonly tools: string;
  readonly warnings: readonly string[];
  readonly lanes: readonly LaneResult[];
  readonly verification: Verification | undefined;
  /** The whole in one process beside the floor, for information. */
  readonly allInOne: readonly Quoted[];
  readonly stall: StallReport | undefined;
}

const traceRatio = 0.01;
const chunks = 50;
const gapUs = 10_000;

interface Scale {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly pacedRounds: number;
  readonly pacedSeconds: number;
}

const scales: Readonly<Record<"quick" | "full", Scale>> = {
  quick: { rounds: 5, seconds: 1, warmSeconds: 3, pacedRounds: 3, pacedSeconds: 1.5 },
  full: { rounds: 9, seconds: 2, warmSeconds: 5, pacedRounds: 5, pacedSeconds: 3 },
};

/** Runs the benchmark; throws when something can't be started. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const machine = describeMachine();
  const folder = mkdtempSync(join(tmpdir(), "penstock-bench-"));
  const toolbox = prepareToolbox(folder);
  const pinned = canPin();
  if (pinned) pinMyself();
  const warnings = [...toolbox.warnings];
  if (!pinned) warnings.push("processes can't be tied to cores: figures are rough");
  const bench = new Bench(options, { folder, toolbox, pinned, bodies: writeBodies(folder) });
  const wanted = options.parts ?? ["lanes", "stall"];
  try {
    const lanes = wanted.includes("lanes") || wanted.includes("json");
    const nats = serverLane("nats").available;
    if (lanes && !nats) warnings.push("not run: the router alone (nats-server is not on PATH)");
    const measured = lanes && nats ? await bench.measureLanes(wanted) : undefined;
    const whole = wanted.includes("stall") ? await bench.measureWhole() : undefined;
    return {
      machine,
      tools: toolbox.description,
      warnings,
      lanes: measured?.lanes ?? [],
      verification: measured?.verification,
      allInOne: whole?.quoted ?? [],
      stall: whole?.stall,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface BenchParts {
  readonly folder: string;
  readonly toolbox: Toolbox;
  readonly bodies: Bodies;
  readonly pinned: boolean;
}

class Bench {
  readonly #options: BenchOptions;
  readonly #parts: BenchParts;
  readonly #scale: Scale;

  constructor(options: BenchOptions, parts: BenchParts) {
    this.#options = options;
    this.#parts = parts;
    this.#scale = scales[options.quick ? "quick" : "full"];
  }

  async measureLanes(wanted: readonly BenchPart[]) {
    const { toolbox, pinned } = this.#parts;
    const { progress, profileFolder } = this.#options;
    const mock = await toolbox.startMock(chunks, gapUs);
    const floorMock = await toolbox.startMock(chunks, gapUs);
    progress("starting nats-server, control services and router");
    const profiling =
      profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
    const constellation = await startConstellation({
      folder: this.#folder("lanes"),
      mock,
      pinned,
      traceRatio,
      routerNodeOptions: profiling,
    });
    const httpFloor = await this.#startFloor("http-floor.ts", floorMock.port);
    const grpcFloor = await this.#startFloor("grpc-floor.ts", floorMock.port);
    let sent = 0;
    const onSent = (requests: number): void => void (sent += requests);
    const providers = { floorMock, chunks };
    const parts = { ...this.#parts, constellation, httpFloor, grpcFloor, ...providers, onSent };
    const all = makeLanes(parts);
    const lanes: LaneResult[] = [];
    for (const lane of wanted.includes("lanes") ? all : all.slice(0, 1)) {
      lanes.push(await this.#measureLane(lane));
    }
    progress("waiting until every request is recorded and posted");
    const { control, spans } = constellation;
    const { serverSpans } = spans;
    const verification = await verify({
      control,
      mock,
      chunks,
      serverSpans,
      traceRatio,
      sent,
    });
    await constellation.stop();
    await Promise.all([httpFloor.stop(), grpcFloor.stop()]);
    for (const provider of [mock, floorMock]) provider.stop();
    return { lanes, verification };
  }

  async measureWhole() {
    const { toolbox } = this.#parts;
    const { progress, quick } = this.#options;
    const mock = await toolbox.startMock(chunks, gapUs);
    progress("starting the whole in one process");
    const allInOne = await startAllInOne(this.#folder("whole"), mock);
    const floor = await this.#startFloor("http-floor.ts", mock.port);
    progress("event-loop stalls: policy writes and usage events beside open streams");
    const scale = quick ? 300 : 1_000;
    const sizes = { policyWrites: scale, requests: scale, streams: 100 };
    const stall = await measureStall({ ...this.#parts, allInOne, idle: floor, ...sizes });
    progress("HTTP JSON through the whole in one process");
    const variants = [
      jsonVariant(this.#parts, {
        name: "floor",
        process: floor,
        target: { httpPort: floor.ports["http"] ?? 0 },
      }),
      jsonVariant(this.#parts, { name: "start", process: allInOne.process, target: allInOne }),
    ];
    const { rounds, seconds, warmSeconds } = this.#scale;
    const quoted = (await alternate(variants, { rounds, seconds, warmSeconds })).map(quote);
    await allInOne.stop();
    await floor.stop();
    mock.stop();
    return { stall, quoted };
  }

  async #measureLane(lane: Lane): Promise<LaneResult> {
    const { rounds, seconds, warmSeconds, pacedRounds, pacedSeconds } = this.#scale;
    this.#options.progress(`${lane.name}: CPU time at saturation`);
    const saturated = await alternate(lane.saturated, { rounds, seconds, warmSeconds });
    this.#options.progress(`${lane.name}: latency at ${lane.pace}`);
    const paced = await alternate(lane.paced, {
      rounds: pacedRounds,
      seconds: pacedSeconds,
      warmSeconds: 0,
    });
    const quoted = saturated.map(quote);
    const ratio = (quoted[1]?.cpuUsQ1 ?? Number.NaN) / (quoted[0]?.cpuUsQ1 ?? Number.NaN);
    const { name, unit, unitsPerRequest, load, pace, firstByte } = lane;
    const facts = { name, unit, unitsPerRequest, load, pace, firstByte };
    return { ...facts, saturated: quoted, paced: paced.map(quote), ratio };
  }

  #startFloor(program: string, mockPort: number): Promise<NodeProcess> {
    return startNodeProcess({
      program,
      input: { origin: `http://127.0.0.1:${mockPort}` },
      core: this.#parts.pinned ? cores.measured : undefined,
    });
  }

  #folder(name: string): string {
    const folder = join(this.#parts.folder, name);
    mkdirSync(folder);
    return folder;
  }
}
