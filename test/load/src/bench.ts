import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverLane } from "@penstock/test-support";
import { wholeBench } from "./bench-report.ts";
import type { BenchPart, BenchReport } from "./bench-report.ts";
import { writeBodies } from "./bodies.ts";
import { measureDurability } from "./durability.ts";
import { describeMachine } from "./machine.ts";
import { measureLanes } from "./measure-lanes.ts";
import { measureWhole } from "./measure-whole.ts";
import { measurePairs } from "./pairs/measure-pairs.ts";
import { pairName, pairs } from "./pairs/pairs.ts";
import type { Pair } from "./pairs/pairs.ts";
import { canPin, pinMyself } from "./pinning.ts";
import { measureShapes } from "./shapes.ts";
import { prepareToolbox } from "./tools/toolbox.ts";
import type { Toolbox } from "./tools/toolbox.ts";
import { createWorkbench } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";
import { measureWorkers } from "./workers.ts";

/** What to measure, and how long. */
export interface BenchOptions {
  readonly quick: boolean;
  /** Told what is being done. */
  readonly progress: (text: string) => void;
  /** Only some parts; all when absent. */
  readonly parts?: readonly BenchPart[];
  /** Only these pairs of formats, by their names; all when absent. */
  readonly pairs?: readonly string[];
  /** Folder for a CPU profile of the router; none when absent. */
  readonly profileFolder?: string | undefined;
}

/** Runs the benchmark; throws when something can't be started. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const machine = describeMachine();
  const folder = mkdtempSync(join(tmpdir(), "penstock-bench-"));
  const toolbox = prepareToolbox(folder);
  const pinned = canPin();
  if (pinned) pinMyself();
  const warnings = [...toolbox.warnings];
  if (!pinned) warnings.push("processes can't be tied to cores: figures are rough");
  const { quick, progress, profileFolder } = options;
  const parts = { quick, progress, profileFolder, toolbox, pinned, bodies: writeBodies(folder) };
  const bench = createWorkbench(parts, folder);
  const wanted = choose(options.parts ?? wholeBench, toolbox, warnings);
  try {
    return {
      machine,
      tools: toolbox.description,
      warnings,
      ...(await measure(bench, wanted, pairsOf(options))),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Leaves out what can't be measured here, and says so. */
function choose(
  parts: readonly BenchPart[],
  toolbox: Toolbox,
  warnings: string[],
): ReadonlySet<BenchPart> {
  const wanted = new Set(parts);
  const withoutNats = parts.filter((part) => part !== "stall");
  if (withoutNats.length > 0 && !serverLane("nats").available) {
    warnings.push(`not run: ${withoutNats.join(", ")} (nats-server is not on PATH)`);
    for (const part of withoutNats) wanted.delete(part);
  }
  if (wanted.has("workers") && process.platform !== "linux") {
    warnings.push("not run: workers (CPU time of several processes is read from /proc)");
    wanted.delete("workers");
  }
  if (wanted.has("pairs") && toolbox.startVendor === undefined) {
    warnings.push("not run: pairs (vendors that cost next to nothing need a C compiler)");
    wanted.delete("pairs");
  }
  return wanted;
}

function pairsOf({ pairs: names }: BenchOptions): readonly Pair[] {
  return names === undefined ? pairs : pairs.filter((pair) => names.includes(pairName(pair)));
}

async function measure(
  bench: Workbench,
  wanted: ReadonlySet<BenchPart>,
  wantedPairs: readonly Pair[],
): Promise<Omit<BenchReport, "machine" | "tools" | "warnings">> {
  const anyLane = wanted.has("lanes") || wanted.has("json");
  const lanes = anyLane ? await measureLanes(bench, !wanted.has("lanes")) : undefined;
  const ofPairs = wanted.has("pairs") ? await measurePairs(bench, wantedPairs) : undefined;
  const shapes = wanted.has("shapes") ? await measureShapes(bench) : undefined;
  const durability = wanted.has("durability") ? await measureDurability(bench) : undefined;
  const workers = wanted.has("workers") ? await measureWorkers(bench) : undefined;
  const whole = wanted.has("stall") ? await measureWhole(bench) : undefined;
  return {
    lanes: lanes?.lanes ?? [],
    verification: lanes?.verification,
    pairs: ofPairs,
    shapes,
    durability,
    workers,
    allInOne: whole?.quoted ?? [],
    stall: whole?.stall,
  };
}
