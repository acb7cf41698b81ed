import type { TokenUsage } from "@penstock/api";
import type { JsonWalker } from "./json-walker.ts";
import { newCounts, usageOf, type ReadUsage, type UsageCounts } from "./openai-chat/usage.ts";

/** What an answer tells of its usage. */
export interface ScannedUsage {
  sawUsage: boolean;
  usage: TokenUsage | undefined;
  warnings: string[];
}

/** How the usage of a format is read. */
export interface UsageReading {
  /** Reads plain counts right from the text. Gives where they end; -1 for any others. */
  readonly plain: (walker: JsonWalker, start: number, counts: UsageCounts) => number;
  /** Reads whatever else is told, parsed. */
  readonly parsed: (value: unknown) => ReadUsage;
}

/** Notes the usage that the walker is at. Gives its end; -1: it is cut, or a second. */
export function takeUsage(walker: JsonWalker, scan: ScannedUsage, reading: UsageReading): number {
  if (scan.sawUsage) return -1;
  scan.sawUsage = true;
  const start = walker.valueStart;
  const counts = newCounts();
  const plainEnd = reading.plain(walker, start, counts);
  if (plainEnd >= 0) {
    scan.usage = usageOf(counts, scan.warnings);
    return plainEnd;
  }
  const end = walker.endOfValue(start);
  if (end < 0) return -1;
  const read = reading.parsed(walker.parse(start, end));
  scan.usage = read.usage;
  scan.warnings = read.warnings;
  return end;
}
