import { runBench } from "@penstock/test-load";
import { benchUsage, readBenchFlags } from "./commands/bench-flags.ts";
import type { BenchFlags } from "./commands/bench-flags.ts";
import { printBench } from "./commands/print-bench.ts";

async function main(): Promise<number> {
  let flags: BenchFlags;
  try {
    flags = readBenchFlags(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${benchUsage()}`);
    return 2;
  }
  if (flags.help) {
    console.log(benchUsage());
    return 0;
  }
  const report = await runBench({ ...flags, progress: (text) => console.error(text) });
  return printBench(report, flags.json);
}

process.exitCode = await main();
