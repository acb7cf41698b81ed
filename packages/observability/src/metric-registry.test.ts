import { describe, expect, it } from "vitest";
import { MetricRegistry } from "./metric-registry.ts";

describe("MetricRegistry", () => {
  it("renders the text format of Prometheus", () => {
    const metrics = new MetricRegistry();
    metrics.counter("a_total", "A.", ["x", "y"]).add(2, 'q"\\\n', "z");
    metrics.gauge("b", "B.").set(-1.5);
    metrics.gaugeFunction("c", "C.", () => [[["one"], 1]], ["k"]);
    const histogram = metrics.histogram("d_seconds", "D.", [0.1, 1]);
    for (const value of [0.1, 0.5, 7]) histogram.record(value);
    const text = metrics.render();
    expect(text.split("\n").filter((line) => !line.includes("capped"))).toEqual([
      "# HELP a_total A.",
      "# TYPE a_total counter",
      'a_total{x="q\\"\\\\\\n",y="z"} 2',
      "# HELP b B.",
      "# TYPE b gauge",
      "b -1.5",
      "# HELP c C.",
      "# TYPE c gauge",
      'c{k="one"} 1',
      "# HELP d_seconds D.",
      "# TYPE d_seconds histogram",
      'd_seconds_bucket{le="0.1"} 1',
      'd_seconds_bucket{le="1"} 2',
      'd_seconds_bucket{le="+Inf"} 3',
      "d_seconds_sum 7.6",
      "d_seconds_count 3",
      "",
    ]);
  });

  it("caps the series of a metric and counts what it capped", () => {
    const metrics = new MetricRegistry();
    const counter = metrics.counter("a_total", "A.", ["x", "y"]);
    for (let index = 0; index < 1_500; index += 1) counter.add(1, String(index), "y");
    const lines = metrics.render().split("\n");
    expect(lines.filter((line) => line.startsWith("a_total{"))).toHaveLength(1_001);
    expect(lines).toContain('a_total{x="_other",y="_other"} 500');
    expect(lines).toContain('penstock_metric_series_capped_total{metric="a_total"} 500');
  });

  it("finds a series again, also by values that it had to change", () => {
    const metrics = new MetricRegistry();
    const counter = metrics.counter("a_total", "A.", ["x", "y"]);
    const long = "v".repeat(128);
    for (let round = 0; round < 3; round += 1) {
      counter.add(1, "p", "q");
      counter.add(1, "q", "p");
      counter.add(1, `${long}${round}`, "cut");
      counter.add(1, "a\u001fb", "c");
      counter.add(1, "a_b", "c");
      counter.add(1, "p");
    }
    const lines = metrics.render().split("\n");
    expect(lines.filter((line) => line.startsWith("a_total{")).toSorted()).toEqual([
      'a_total{x="a_b",y="c"} 6',
      'a_total{x="p",y=""} 3',
      'a_total{x="p",y="q"} 3',
      'a_total{x="q",y="p"} 3',
      `a_total{x="${long}",y="cut"} 3`,
    ]);
  });

  it("adds by a series as by its labels, and shows it from the first sample on", () => {
    const metrics = new MetricRegistry();
    const counter = metrics.counter("a_total", "A.", ["x"]);
    const histogram = metrics.histogram("b_seconds", "B.", [1], ["x"]);
    const one = counter.series("p");
    const times = histogram.series("p");
    one.add(0);
    times.record(Number.NaN);
    expect(metrics.render()).not.toMatch(/x="p"/);
    one.add(2);
    counter.add(3, "p");
    one.add(-1);
    times.record(0.5);
    histogram.record(7, "p");
    const text = metrics.render();
    expect(text).toContain('a_total{x="p"} 5\n');
    expect(text).toContain('b_seconds_bucket{x="p",le="1"} 1\n');
    expect(text).toContain('b_seconds_sum{x="p"} 7.5\n');
  });

  it("counts each sample of a series that came when the metric was at its cap", () => {
    const metrics = new MetricRegistry();
    const counter = metrics.counter("a_total", "A.", ["x"]);
    for (let index = 0; index < 1_000; index += 1) counter.add(1, String(index));
    const late = counter.series("late");
    late.add(2);
    late.add(3);
    const lines = metrics.render().split("\n");
    expect(lines).toContain('a_total{x="_other"} 5');
    expect(lines).toContain('penstock_metric_series_capped_total{metric="a_total"} 2');
    expect(lines).not.toContain('a_total{x="late"} 5');
  });

  it("gives the same metric twice and refuses another form", () => {
    const metrics = new MetricRegistry();
    metrics.counter("a_total", "A.").add(1);
    metrics.counter("a_total", "A.").add(1);
    expect(metrics.render()).toContain("a_total 2");
    expect(() => metrics.gauge("a_total", "A.")).toThrow(TypeError);
    expect(() => metrics.gauge("no-name", "A.")).toThrow(TypeError);
  });

  it("leaves out a gauge whose reader throws", () => {
    const metrics = new MetricRegistry();
    metrics.gaugeFunction("a", "A.", () => {
      throw new Error("gone");
    });
    expect(metrics.render()).not.toMatch(/^a /m);
  });
});
