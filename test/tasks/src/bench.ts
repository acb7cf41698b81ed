import { runBench } from "@penstock/test-load";
import { printBench } from "./commands/print-bench.ts";
import { readBenchFlags } from "./commands/bench-flags.ts";

const flags = readBenchFlags(process.argv.slice(2));
if (flags === undefined) {
  console.error(
    "usage: npm run bench -- [--quick] [--only json|lanes|stall] [--profile DIR] [-o json]",
  );
  process.exitCode = 2;
} else {
  const report = await runBench({
    ...flags,
    progress: (text) => console.error(text),
  });
  process.exitCode = printBench(report, flags.json);
}
