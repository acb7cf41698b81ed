import { MetricRegistry } from "@penstock/observability";
import { describe, expect, it } from "vitest";
import { mergeMetrics } from "./merge-metrics.ts";

function registry(requests: number): MetricRegistry {
  const metrics = new MetricRegistry();
  metrics.counter("requests_total", "Requests {so far}.", ["model"]).add(requests, "a{ b} 7");
  metrics.gauge("open", "Open ones.").set(requests);
  metrics.histogram("seconds", "How long.", [1]).record(0.5);
  return metrics;
}

describe("mergeMetrics", () => {
  it("says of each series whose it is, and of each metric once what it is", () => {
    const own = new MetricRegistry();
    own.gauge("up", "Workers.").set(2);
    const texts = [1, 2].map((requests) => ({
      worker: requests - 1,
      text: registry(requests).render(),
    }));
    const lines = mergeMetrics(own.render(), texts)
      .split("\n")
      .filter((line) => !line.includes("capped"));
    expect(lines).toEqual([
      "# HELP up Workers.",
      "# TYPE up gauge",
      "up 2",
      "# HELP requests_total Requests {so far}.",
      "# TYPE requests_total counter",
      'requests_total{worker="0",model="a{ b} 7"} 1',
      'requests_total{worker="1",model="a{ b} 7"} 2',
      "# HELP open Open ones.",
      "# TYPE open gauge",
      'open{worker="0"} 1',
      'open{worker="1"} 2',
      "# HELP seconds How long.",
      "# TYPE seconds histogram",
      ...["0", "1"].flatMap((worker) => [
        `seconds_bucket{worker="${worker}",le="1"} 1`,
        `seconds_bucket{worker="${worker}",le="+Inf"} 1`,
        `seconds_sum{worker="${worker}"} 0.5`,
        `seconds_count{worker="${worker}"} 1`,
      ]),
      "",
    ]);
  });
});
