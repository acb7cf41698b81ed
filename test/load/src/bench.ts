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
import { canPin, pinMyself } from "./pinning.ts";
import { measureShapes } from "./shapes.ts";
import { prepareToolbox } from "./tools/toolbox.ts";
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
  const wanted = choose(options.parts ?? wholeBench, warnings);
  try {
    return { machine, tools: toolbox.description, warnings, ...(await measure(bench, wanted)) };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Leaves out what can't be measured here, and says so. */
function choose(parts: readonly BenchPart[], warnings: string[]): ReadonlySet<BenchPart> {
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
  return wanted;
}

async function measure(
  bench: Workbench,
  wanted: ReadonlySet<BenchPart>,
): Promise<Omit<BenchReport, "machine" | "tools" | "warnings">> {
  const anyLane = wanted.has("lanes") || wanted.has("json");
  const lanes = anyLane ? await measureLanes(bench, !wanted.has("lanes")) : undefined;
  const shapes = wanted.has("shapes") ? await measureShapes(bench) : undefined;
  const durability = wanted.has("durability") ? await measureDurability(bench) : undefined;
  const workers = wanted.has("workers") ? await measureWorkers(bench) : undefined;
  const whole = wanted.has("stall") ? await measureWhole(bench) : undefined;
  return {
    lanes: lanes?.lanes ?? [],
    verification: lanes?.verification,
    shapes,
    durability,
    workers,
    allInOne: whole?.quoted ?? [],
    stall: whole?.stall,
  };
}
