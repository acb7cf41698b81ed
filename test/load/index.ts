export { runBench } from "./src/bench.ts";
export type { BenchOptions } from "./src/bench.ts";
export { benchParts, problemsOf } from "./src/bench-report.ts";
export type { BenchPart, BenchReport, LaneResult } from "./src/bench-report.ts";
export { describeMachine } from "./src/machine.ts";
export type { Machine } from "./src/machine.ts";
export { pairNames } from "./src/pairs/pairs.ts";
export { bounds, renderReport } from "./src/render-report.ts";
