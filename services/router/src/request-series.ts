import type {
  Counter,
  CounterSeries,
  Histogram,
  HistogramSeries,
  MetricRegistry,
} from "@penstock/observability";

/** Bounds of request durations, from a cache hit to a long answer. Unit: seconds. */
const durationBounds = [
  0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
  163.84, 327.68, 655.36,
];

/** What requests of one operation add to. */
export interface OperationSeries {
  readonly completed: CounterSeries;
  readonly duration: HistogramSeries;
  readonly firstToken: HistogramSeries;
}

/** What attempts at one deployment add to. */
export interface DeploymentSeries {
  readonly answered: CounterSeries;
  readonly inputTokens: CounterSeries;
  readonly outputTokens: CounterSeries;
  readonly costNanoUsd: CounterSeries;
}

/** More names than any installation has at a time; deployments come and go. */
const maximumKept = 1_000;

/** The series that nearly every request adds to, found by one name instead of by each label. */
export class RequestSeries {
  readonly #requests: Counter;
  readonly #attempts: Counter;
  readonly #duration: Histogram;
  readonly #firstToken: Histogram;
  readonly #tokens: Counter;
  readonly #costNanoUsd: Counter;
  readonly #operations = new Map<string, OperationSeries>();
  readonly #deployments = new Map<string, DeploymentSeries>();

  /** `requests` by operation, outcome and reason, `attempts` by deployment and outcome. */
  constructor(metrics: MetricRegistry, requests: Counter, attempts: Counter) {
    this.#requests = requests;
    this.#attempts = attempts;
    this.#duration = metrics.histogram(
      "penstock_request_duration_seconds",
      "Time from the arrival of a request to its end.",
      durationBounds,
      ["operation"],
    );
    this.#firstToken = metrics.histogram(
      "penstock_time_to_first_token_seconds",
      "Time from the arrival of a request to its first content.",
      durationBounds,
      ["operation"],
    );
    this.#costNanoUsd = metrics.counter(
      "penstock_cost_nano_usd_total",
      "Cost of answered requests by the price books, in nano-USD.",
      ["deployment"],
    );
    this.#tokens = metrics.counter(
      "penstock_tokens_total",
      "Tokens used, by deployment and direction.",
      ["deployment", "direction"],
    );
  }

  ofOperation(operation: string): OperationSeries {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const made: OperationSeries = {
      completed: this.#requests.series(operation, "COMPLETED", ""),
      duration: this.#duration.series(operation),
      firstToken: this.#firstToken.series(operation),
    };
    return keep(this.#operations, operation, made);
  }

  ofDeployment(deployment: string): DeploymentSeries {
    const known = this.#deployments.get(deployment);
    if (known !== undefined) return known;
    const made: DeploymentSeries = {
      answered: this.#attempts.series(deployment, "OK"),
      inputTokens: this.#tokens.series(deployment, "input"),
      outputTokens: this.#tokens.series(deployment, "output"),
      costNanoUsd: this.#costNanoUsd.series(deployment),
    };
    return keep(this.#deployments, deployment, made);
  }
}

function keep<Series>(map: Map<string, Series>, name: string, series: Series): Series {
  if (map.size >= maximumKept) map.clear();
  map.set(name, series);
  return series;
}
