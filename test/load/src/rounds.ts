import type { CpuReading } from "./programs/process-probe.ts";
import { at, lowerQuartile, median } from "./statistics.ts";
import type { LoadResult } from "./tools/toolbox.ts";

/** One of the things that are compared. */
export interface Variant {
  readonly name: string;
  /** Whose CPU time is measured; absent for the provider itself. */
  readonly process?: { cpu(): Promise<CpuReading> };
  /** Sends load for so long. */
  load(seconds: number): Promise<LoadResult>;
  /** Runs before CPU time is read for the first time. */
  prepare?(): Promise<void>;
  /** Waits for what the load has set off and counts as its cost. */
  settle?(): Promise<void>;
  /** Runs after CPU time was read for the last time; told what was found. */
  conclude?(round: Round): Promise<void>;
  /** True where another variant warms the same process. */
  readonly isWarm?: boolean;
}

/** What one round of one variant gave. */
export interface Round extends LoadResult {
  /** CPU time of the process, all threads, per request. */
  readonly cpuUs: number;
  /** That of the main thread alone. */
  readonly mainUs: number;
  readonly requestsPerSecond: number;
}

/** All rounds of a variant. */
export interface VariantRounds {
  readonly name: string;
  readonly rounds: readonly Round[];
}

/** What the process still does for its requests after the last answer counts as well. */
const settleMs = 300;

/** A step of the warm-up that is not cheaper than this share of the best before shows no progress. */
const progress = 0.97;
/** Steps without progress that end the warm-up, and the most steps of all. */
const stepsWithoutProgress = 2;
const mostSteps = 8;

/**
 * Measures variants in turn, in the opposite order every other round, so that what else happens on
 * the machine hits all of them. Each is warmed first, in steps of `warmSeconds` (0: not at all).
 */
export async function alternate(
  variants: readonly Variant[],
  options: { readonly rounds: number; readonly seconds: number; readonly warmSeconds: number },
): Promise<VariantRounds[]> {
  const results = variants.map(({ name }) => ({ name, rounds: [] as Round[] }));
  if (options.warmSeconds > 0) {
    const cold = variants.filter(({ isWarm }) => isWarm !== true);
    for (const variant of cold) await warm(variant, options.warmSeconds);
  }
  for (let round = 0; round < options.rounds; round += 1) {
    const order = round % 2 === 0 ? [...variants.keys()] : [...variants.keys()].toReversed();
    for (const index of order) {
      const variant = variants[index];
      if (variant === undefined) continue;
      results[index]?.rounds.push(await measure(variant, options.seconds));
    }
  }
  return results;
}

/**
 * Loads a variant until its CPU time per request falls no more. Compilation goes on for some ten
 * thousands of requests, longer the more code there is, on threads of its own that count as well.
 */
export async function warm(variant: Variant, seconds: number): Promise<void> {
  let bestUs = Number.POSITIVE_INFINITY;
  let without = 0;
  for (let step = 0; step < mostSteps && without < stepsWithoutProgress; step += 1) {
    const { cpuUs } = await measure(variant, seconds);
    without = cpuUs < bestUs * progress ? 0 : without + 1;
    bestUs = Math.min(bestUs, cpuUs);
  }
}

async function measure(variant: Variant, seconds: number): Promise<Round> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  await variant.prepare?.();
  const before = (await variant.process?.cpu()) ?? nothing;
  const startMs = performance.now();
  const result = await variant.load(seconds);
  const elapsedMs = performance.now() - startMs;
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  await variant.settle?.();
  const after = (await variant.process?.cpu()) ?? nothing;
  const requests = Math.max(1, result.requests);
  const round = {
    ...result,
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    mainUs: (after.mainUs - before.mainUs) / requests,
    requestsPerSecond: (result.requests / elapsedMs) * 1_000,
  };
  await variant.conclude?.(round);
  return round;
}

const nothing: CpuReading = { cpuUs: 0, mainUs: 0 };

/** The figures of a variant that are quoted. */
export interface Quoted {
  readonly name: string;
  readonly cpuUsQ1: number;
  readonly cpuUsMedian: number;
  /** Between the upper and the lower quartile: what rounds differ by. */
  readonly cpuUsSpread: number;
  /** Of the main thread alone. */
  readonly mainUsQ1: number;
  readonly requestsPerSecond: number;
  /** Lower quartile over the rounds of their medians. */
  readonly p50Us: number;
  readonly firstByteP50Us: number | undefined;
  readonly requests: number;
  readonly failures: number;
}

/** Sums the rounds of a variant up. */
export function quote({ name, rounds }: VariantRounds): Quoted {
  const firstBytes = rounds.flatMap(({ firstByteP50Us }) => firstByteP50Us ?? []);
  const cpuUs = rounds.map((round) => round.cpuUs);
  const cpuUsQ1 = lowerQuartile(cpuUs);
  return {
    name,
    cpuUsQ1,
    cpuUsMedian: median(cpuUs),
    cpuUsSpread: at(cpuUs, 0.75) - cpuUsQ1,
    mainUsQ1: lowerQuartile(rounds.map(({ mainUs }) => mainUs)),
    requestsPerSecond: median(rounds.map((round) => round.requestsPerSecond)),
    p50Us: lowerQuartile(rounds.map(({ p50Us }) => p50Us)),
    firstByteP50Us: firstBytes.length === 0 ? undefined : lowerQuartile(firstBytes),
    requests: rounds.reduce((sum, round) => sum + round.requests, 0),
    failures: rounds.reduce((sum, round) => sum + round.errors + round.notOk, 0),
  };
}
