import { problemsOf, renderReport } from "@penstock/test-load";
import type { BenchReport } from "@penstock/test-load";

/** Prints the report; the exit code is 1 when records or ledger were wrong, whatever the times. */
export function printBench(report: BenchReport, asJson: boolean): number {
  const asText = (_key: string, value: unknown): unknown =>
    typeof value === "bigint" ? String(value) : value;
  console.log(asJson ? JSON.stringify(report, asText, 2) : renderReport(report).trimEnd());
  return problemsOf(report).length === 0 ? 0 : 1;
}
