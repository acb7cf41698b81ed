import { MetricRegistry } from "@penstock/observability";
import { describe, expect, it } from "vitest";
import { RequestSeries } from "./request-series.ts";

function seriesIn(registry: MetricRegistry): RequestSeries {
  const requests = registry.counter("requests_total", "R.", ["operation", "outcome", "reason"]);
  const attempts = registry.counter("attempts_total", "A.", ["deployment", "outcome"]);
  return new RequestSeries(registry, requests, attempts);
}

describe("RequestSeries", () => {
  it("names each series by its labels", () => {
    const registry = new MetricRegistry();
    const series = seriesIn(registry);
    for (const operation of ["chat", "embed", "chat"])
      series.ofOperation(operation).completed.add(1);
    series.ofOperation("chat").duration.record(0.5);
    series.ofOperation("embed").firstToken.record(2);
    const deployment = series.ofDeployment("deployments/a");
    deployment.answered.add(1);
    deployment.inputTokens.add(2);
    deployment.outputTokens.add(3);
    deployment.costNanoUsd.add(4);
    const lines = registry.render().split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        'requests_total{operation="chat",outcome="COMPLETED",reason=""} 2',
        'requests_total{operation="embed",outcome="COMPLETED",reason=""} 1',
        'penstock_request_duration_seconds_sum{operation="chat"} 0.5',
        'penstock_time_to_first_token_seconds_sum{operation="embed"} 2',
        'attempts_total{deployment="deployments/a",outcome="OK"} 1',
        'penstock_tokens_total{deployment="deployments/a",direction="input"} 2',
        'penstock_tokens_total{deployment="deployments/a",direction="output"} 3',
        'penstock_cost_nano_usd_total{deployment="deployments/a"} 4',
      ]),
    );
  });

  it("goes on counting past more deployments than it keeps", () => {
    const registry = new MetricRegistry();
    const series = seriesIn(registry);
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 1_200; index += 1) {
        series.ofDeployment(`deployments/d${index}`).costNanoUsd.add(1);
      }
    }
    const lines = registry.render().split("\n");
    expect(lines).toContain('penstock_cost_nano_usd_total{deployment="deployments/d7"} 2');
    expect(lines).toContain('penstock_cost_nano_usd_total{deployment="_other"} 400');
  });
});
