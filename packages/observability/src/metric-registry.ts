import { renderLabels, SeriesMap } from "./metric-series.ts";

/** A sum that only grows. Label values stand in the order of the label names. */
export interface Counter {
  add(amount: number, ...labels: string[]): void;
  /** The series of these label values, for who adds to it at every request. */
  series(...labels: string[]): CounterSeries;
}

/** One series of a counter. It appears with the first sample. */
export interface CounterSeries {
  add(amount: number): void;
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number, ...labels: string[]): void;
}

/** A distribution over fixed bounds. */
export interface Histogram {
  record(value: number, ...labels: string[]): void;
  /** The series of these label values, for who records in it at every request. */
  series(...labels: string[]): HistogramSeries;
}

/** One series of a histogram. It appears with the first sample. */
export interface HistogramSeries {
  record(value: number): void;
}

/** What a gauge function reads: one value, or one per list of label values. */
export type GaugeReading = number | Iterable<readonly [labels: readonly string[], value: number]>;

interface Metric {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly handle: unknown;
  readonly lines: () => Iterable<string>;
}

interface ValueCell {
  value: number;
}

interface HistogramCell {
  readonly counts: Float64Array;
  sum: number;
}

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const cappedName = "penstock_metric_series_capped_total";

/**
 * The metrics of a process or a role. Asking twice for a metric gives the same one; asking for it
 * in another form throws, since that is a mistake in the program. A metric keeps 1,000 series;
 * what comes after is summed under the label value `_other` and counted.
 */
export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>();
  readonly #capped: Counter;

  constructor() {
    const help = "Samples whose label values went into _other because the metric is at its cap.";
    this.#capped = this.counter(cappedName, help, ["metric"]);
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return this.#metric(name, { kind: "counter", help, labelNames }, () => {
      const series = this.#series<ValueCell>(name, labelNames, () => ({ value: 0 }));
      const handle: Counter = {
        add: (amount, ...labels) => {
          if (amount > 0) series.cell(labels).value += amount;
        },
        series: (...labels) => {
          const one = new OneSeries(series, labels);
          return {
            add: (amount) => {
              if (amount > 0) one.cell().value += amount;
            },
          };
        },
      };
      return { handle, lines: () => valueLines(name, series) };
    });
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return this.#metric(name, { kind: "gauge", help, labelNames }, () => {
      const series = this.#series<ValueCell>(name, labelNames, () => ({ value: 0 }));
      const handle: Gauge = {
        set: (value, ...labels) => {
          series.cell(labels).value = value;
        },
      };
      return { handle, lines: () => valueLines(name, series) };
    });
  }

  /** A gauge that is read when the metrics are rendered; a reader that throws leaves it out. */
  gaugeFunction(
    name: string,
    help: string,
    read: () => GaugeReading,
    labelNames: readonly string[] = [],
  ): void {
    this.#metric(name, { kind: "gauge", help, labelNames }, () => ({
      handle: undefined,
      lines: () => readingLines(name, labelNames, read),
    }));
  }

  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    labelNames: readonly string[] = [],
  ): Histogram {
    return this.#metric(name, { kind: "histogram", help, labelNames }, () => {
      const newCell = () => ({ counts: new Float64Array(bounds.length + 1), sum: 0 });
      const series = this.#series<HistogramCell>(name, labelNames, newCell);
      const handle: Histogram = {
        record: (value, ...labels) => {
          if (!Number.isNaN(value)) recordIn(series.cell(labels), bounds, value);
        },
        series: (...labels) => {
          const one = new OneSeries(series, labels);
          return {
            record: (value) => {
              if (!Number.isNaN(value)) recordIn(one.cell(), bounds, value);
            },
          };
        },
      };
      return { handle, lines: () => histogramLines(name, bounds, series) };
    });
  }

  /** All metrics in the text format 0.0.4 of Prometheus. */
  render(): string {
    const lines: string[] = [];
    for (const [name, metric] of this.#metrics) {
      lines.push(`# HELP ${name} ${metric.help.replaceAll("\\", "\\\\").replaceAll("\n", " ")}`);
      lines.push(`# TYPE ${name} ${metric.kind}`, ...metric.lines());
    }
    return `${lines.join("\n")}\n`;
  }

  #series<Cell>(name: string, labelNames: readonly string[], newCell: () => Cell) {
    return new SeriesMap<Cell>(labelNames, newCell, () => {
      if (name !== cappedName) this.#capped.add(1, name);
    });
  }

  #metric<Handle>(
    name: string,
    form: Pick<Metric, "kind" | "help" | "labelNames">,
    build: () => { handle: Handle; lines: () => Iterable<string> },
  ): Handle {
    const known = this.#metrics.get(name);
    if (known !== undefined) {
      if (known.kind !== form.kind || known.labelNames.join() !== form.labelNames.join()) {
        throw new TypeError(`metric ${name} exists in another form`);
      }
      return known.handle as Handle;
    }
    if (!nameForm.test(name)) throw new TypeError(`${name} is no name of a metric`);
    const metric = build();
    this.#metrics.set(name, { ...form, ...metric });
    return metric.handle;
  }
}

/** Finds the cell of its label values once; at the cap it looks, and is counted, each time. */
class OneSeries<Cell> {
  readonly #series: SeriesMap<Cell>;
  readonly #labels: readonly string[];
  #cell: Cell | undefined;

  constructor(series: SeriesMap<Cell>, labels: readonly string[]) {
    this.#series = series;
    this.#labels = labels;
  }

  cell(): Cell {
    this.#cell ??= this.#series.ownCell(this.#labels);
    return this.#cell ?? this.#series.cell(this.#labels);
  }
}

function recordIn(cell: HistogramCell, bounds: readonly number[], value: number): void {
  let index = 0;
  while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
  cell.counts[index] = (cell.counts[index] ?? 0) + 1;
  cell.sum += value;
}

function sample(name: string, labels: string, value: number): string {
  const text = value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
  return labels === "" ? `${name} ${text}` : `${name}{${labels}} ${text}`;
}

function* valueLines(name: string, series: SeriesMap<ValueCell>): Generator<string> {
  for (const [labels, cell] of series.entries()) yield sample(name, labels, cell.value);
}

function readingLines(
  name: string,
  labelNames: readonly string[],
  read: () => GaugeReading,
): string[] {
  try {
    const reading = read();
    if (typeof reading === "number") return [sample(name, "", reading)];
    return [...reading].map(([labels, value]) =>
      sample(name, renderLabels(labelNames, labels), value),
    );
  } catch {
    return [];
  }
}

function* histogramLines(
  name: string,
  bounds: readonly number[],
  series: SeriesMap<HistogramCell>,
): Generator<string> {
  for (const [labels, cell] of series.entries()) {
    const prefix = labels === "" ? "" : `${labels},`;
    let count = 0;
    for (const [index, bucket] of cell.counts.entries()) {
      count += bucket;
      yield sample(`${name}_bucket`, `${prefix}le="${bounds[index] ?? "+Inf"}"`, count);
    }
    yield sample(`${name}_sum`, labels, cell.sum);
    yield sample(`${name}_count`, labels, count);
  }
}
