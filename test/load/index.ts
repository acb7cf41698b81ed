export { runBench } from "./src/bench.ts";
export type { BenchOptions, BenchPart, BenchReport, LaneResult } from "./src/bench.ts";
export { describeMachine } from "./src/machine.ts";
export type { Machine } from "./src/machine.ts";
export { bounds, renderReport } from "./src/render-report.ts";
