import type { Tracer } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { RouterEvents } from "../events.ts";
import type { FailureSamples } from "../health/failure-samples.ts";
import type { CountingPauses } from "../health/counting-pauses.ts";
import type { TargetHealthBook } from "../health/target-health.ts";
import type { HedgeBook } from "../hedging/hedge-book.ts";
import type { AffinityBook } from "../choosing/affinity.ts";
import type { TargetPerformanceBook } from "../performance/target-performance.ts";
import type { LeaseBook } from "../leases/lease-book.ts";
import type { QuotaWait } from "../leases/reserve-outcome.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";
import type { Admission } from "./admit.ts";
import type { OutputCalibration } from "./output-estimate.ts";
import type { RetryBudgets } from "./retry-budget.ts";
import type { Settlement } from "./settle.ts";

/** What the stages of the pipeline use; each takes the few it needs. */
export interface PipelineParts {
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly events: RouterEvents;
  readonly admission: Admission;
  readonly leases: LeaseBook;
  readonly health: TargetHealthBook;
  readonly countingPauses: CountingPauses;
  readonly performance: TargetPerformanceBook;
  readonly affinity: AffinityBook;
  readonly hedging: HedgeBook;
  readonly failureSamples: FailureSamples;
  readonly upstream: UpstreamClient;
  readonly calibration: OutputCalibration;
  readonly retryBudgets: RetryBudgets;
  readonly settlement: Settlement;
  readonly quotaWait: QuotaWait;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
  /** Whether a key is revoked by an entry whose head has not come yet. */
  isRevoked(virtualKey: string): boolean;
}
