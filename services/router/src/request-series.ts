import type { Counter, CounterSeries, Histogram, HistogramSeries } from "@penstock/observability";

/** The metrics that every request adds to. */
export interface RequestMetrics {
  /** By operation, outcome and reason. */
  readonly requests: Counter;
  /** By operation. */
  readonly duration: Histogram;
  /** By operation. */
  readonly firstToken: Histogram;
  /** By deployment and outcome. */
  readonly attempts: Counter;
  /** By deployment and direction. */
  readonly tokens: Counter;
  /** By deployment. */
  readonly costNanoUsd: Counter;
}

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
  readonly #metrics: RequestMetrics;
  readonly #operations = new Map<string, OperationSeries>();
  readonly #deployments = new Map<string, DeploymentSeries>();

  constructor(metrics: RequestMetrics) {
    this.#metrics = metrics;
  }

  ofOperation(operation: string): OperationSeries {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const { requests, duration, firstToken } = this.#metrics;
    const made: OperationSeries = {
      completed: requests.series(operation, "COMPLETED", ""),
      duration: duration.series(operation),
      firstToken: firstToken.series(operation),
    };
    return keep(this.#operations, operation, made);
  }

  ofDeployment(deployment: string): DeploymentSeries {
    const known = this.#deployments.get(deployment);
    if (known !== undefined) return known;
    const { attempts, tokens, costNanoUsd } = this.#metrics;
    const made: DeploymentSeries = {
      answered: attempts.series(deployment, "OK"),
      inputTokens: tokens.series(deployment, "input"),
      outputTokens: tokens.series(deployment, "output"),
      costNanoUsd: costNanoUsd.series(deployment),
    };
    return keep(this.#deployments, deployment, made);
  }
}

function keep<Series>(map: Map<string, Series>, name: string, series: Series): Series {
  if (map.size >= maximumKept) map.clear();
  map.set(name, series);
  return series;
}
