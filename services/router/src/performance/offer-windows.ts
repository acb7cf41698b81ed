import type { MetricRegistry } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { TargetPerformanceBook } from "./target-performance.ts";
import type { WindowSummary } from "./target-windows.ts";

/** Deployments told of; those with the lower names come first. Two windows each. */
const mostDeployments = 200;
const windows: ReadonlyMap<number, string> = new Map([
  [60_000, "1m"],
  [3_600_000, "1h"],
]);

type Row = readonly [labels: readonly string[], value: number];

/** Offers the windows of targets as metrics, read when metrics are. */
export function offerWindows(
  metrics: MetricRegistry,
  performance: TargetPerformanceBook,
  clock: Clock,
): void {
  const read = (values: (window: WindowSummary) => [string[], number | undefined][]) => (): Row[] =>
    rows(performance, clock.monotonicMs(), values);
  metrics.gaugeFunction(
    "penstock_target_uptime_ratio",
    "Share of attempts that succeeded, of those that say something of the deployment.",
    read(({ attempts, failures }) => [[[], attempts === 0 ? undefined : 1 - failures / attempts]]),
    ["deployment", "window"],
  );
  metrics.gaugeFunction(
    "penstock_target_first_token_seconds",
    "Time to the first content of a deployment's answers.",
    read((window) => [
      [["0.5"], inSeconds(window.firstTokenP50Ms)],
      [["0.95"], inSeconds(window.firstTokenP95Ms)],
    ]),
    ["deployment", "window", "quantile"],
  );
  metrics.gaugeFunction(
    "penstock_target_tokens_per_second",
    "Output of a deployment's streamed answers.",
    read(({ tokensPerSecondP50, tokensPerSecondP95 }) => [
      [["0.5"], tokensPerSecondP50],
      [["0.95"], tokensPerSecondP95],
    ]),
    ["deployment", "window", "quantile"],
  );
}

function rows(
  performance: TargetPerformanceBook,
  now: number,
  values: (window: WindowSummary) => [string[], number | undefined][],
): Row[] {
  const made: Row[] = [];
  for (const deployment of performance.names().slice(0, mostDeployments)) {
    for (const window of performance.windows(deployment, now)) {
      const name = windows.get(window.lengthMs);
      if (name === undefined) continue;
      made.push(
        ...values(window).flatMap(([labels, value]): Row[] =>
          value === undefined ? [] : [[[deployment, name, ...labels], value]],
        ),
      );
    }
  }
  return made;
}

function inSeconds(timeMs: number | undefined): number | undefined {
  return timeMs === undefined ? undefined : timeMs / 1_000;
}
