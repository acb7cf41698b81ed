import type { Bodies } from "./bodies.ts";
import { subfolder } from "./control-plane.ts";
import { startNodeProcess } from "./node-process.ts";
import type { NodeProcess } from "./node-process.ts";
import { cores } from "./pinning.ts";
import type { MockProvider, Toolbox } from "./tools/toolbox.ts";

/** How often and how long each variant is measured. */
export interface Scale {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly pacedRounds: number;
  readonly pacedSeconds: number;
}

/** The scales; the full one is for figures that are quoted. */
export const scales: Readonly<Record<"quick" | "full", Scale>> = {
  quick: { rounds: 5, seconds: 1, warmSeconds: 3, pacedRounds: 3, pacedSeconds: 1.5 },
  full: { rounds: 9, seconds: 2, warmSeconds: 5, pacedRounds: 5, pacedSeconds: 3 },
};

/** Share of requests that are traced. */
export const traceRatio = 0.01;
/** Pieces of a streamed answer of the mock provider, and the time between two. */
export const chunks = 50;
export const gapUs = 10_000;

/** What every part of the benchmark works with. */
export interface Workbench {
  readonly toolbox: Toolbox;
  readonly bodies: Bodies;
  /** Whether processes are tied to cores. */
  readonly pinned: boolean;
  readonly quick: boolean;
  readonly scale: Scale;
  /** Folder for CPU profiles of routers; none when absent. */
  readonly profileFolder: string | undefined;
  /** Told what is being done. */
  readonly progress: (text: string) => void;
  /** A new folder, gone after the benchmark. */
  folder(name: string): string;
}

/** The core of what is measured; undefined where processes aren't tied to cores. */
export function measuredCore({ pinned }: Workbench): string | undefined {
  return pinned ? cores.measured : undefined;
}

/** Parameters of a router's Node that make it write a CPU profile, where one is wanted. */
export function profiling({ profileFolder }: Workbench): string[] {
  return profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
}

/** Starts a provider that costs next to nothing. */
export function startMock({ toolbox }: Workbench): Promise<MockProvider> {
  return toolbox.startMock(chunks, gapUs);
}

/** Starts a bare relay to a provider. */
export function startFloor(
  bench: Workbench,
  program: "http-floor.ts" | "grpc-floor.ts",
  mockPort: number,
): Promise<NodeProcess> {
  return startNodeProcess({
    program,
    input: { origin: `http://127.0.0.1:${mockPort}` },
    core: measuredCore(bench),
  });
}

/** A workbench whose folders are inside of this one. */
export function createWorkbench(
  parts: Omit<Workbench, "folder" | "scale">,
  folder: string,
): Workbench {
  const scale = scales[parts.quick ? "quick" : "full"];
  return { ...parts, scale, folder: (name) => subfolder(folder, name) };
}
