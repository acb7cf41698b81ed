import type { BenchOptions, BenchReport } from "@penstock/test-load";

const progress = (text: string): void => console.error(`  ${text}`);

/** CPU time of the router per HTTP JSON request over that of the bare relay. */
export async function measureCpuRatio(): Promise<number> {
  const report = await bench({ quick: true, parts: ["json"] });
  const [lane] = report.lanes;
  if (lane === undefined) throw new Error(report.warnings.join("; "));
  const problems = report.verification?.problems ?? [];
  if (problems.length > 0) throw new Error(`metering was wrong: ${problems.join("; ")}`);
  return lane.ratio;
}

/** The longest stall of the event loop of `start`, in milliseconds. */
export async function measureEventLoopStall(): Promise<number> {
  const { stall } = await bench({ quick: false, parts: ["stall"] });
  if (stall === undefined) throw new Error("the stall was not measured");
  return Math.max(stall.stall.longestMs, stall.stall.histogramMs);
}

/** Loaded only where it is run: it brings the whole of Penstock along. */
async function bench(options: Omit<BenchOptions, "progress">): Promise<BenchReport> {
  const { runBench } = await import("@penstock/test-load");
  return runBench({ ...options, progress });
}
