import { join } from "node:path";
import { callOptions } from "@penstock/rpc";
import { RouterEvents } from "./events.ts";
import { TargetHealthBook } from "./health/target-health.ts";
import { LeaseBook } from "./leases/lease-book.ts";
import { LeaseSync } from "./leases/lease-sync.ts";
import { Admission } from "./pipeline/admit.ts";
import { OutputCalibration } from "./pipeline/output-estimate.ts";
import type { PipelineParts } from "./pipeline/pipeline-parts.ts";
import { RetryBudgets } from "./pipeline/retry-budget.ts";
import { Settlement } from "./pipeline/settle.ts";
import type { RouterDependencies } from "./service.ts";
import { Credentials } from "./upstream/credentials.ts";
import { UpstreamClient } from "./upstream/upstream-client.ts";
import { Spool } from "./usage/spool.ts";
import { UsageEmitter } from "./usage/usage-emitter.ts";

/** What a router is made of, below its doors. */
export interface RouterParts {
  readonly pipeline: PipelineParts;
  readonly spool: Spool;
  readonly emitter: UsageEmitter;
  readonly sync: LeaseSync;
  readonly credentials: Credentials;
}

/** Builds everything in order; nothing runs yet but the recovery of the spool. */
export function buildRouterParts(deps: RouterDependencies): RouterParts {
  const { config, clock, bus, configuration, observability } = deps;
  const { replica, worker } = config;
  const { logger, tracer, metrics } = observability;
  const events = new RouterEvents(logger, metrics);
  const folder = join(config.dataDir, "spool", worker);
  const spool = Spool.open({ folder, replica, clock, observability });
  const emitter = new UsageEmitter({ spool, bus, replica, clock, observability });
  const leases = new LeaseBook({ clock, epoch: spool.epoch });
  const sync = new LeaseSync({
    book: leases,
    holder: `${replica}/${worker}`,
    epoch: spool.epoch,
    call: (request, { signal, parent }) =>
      deps.clients.leases.syncLeases(request, callOptions({ signal, span: parent })),
    returnLeases: (request, { signal, parent }) =>
      deps.clients.leases.returnLeases(request, callOptions({ signal, span: parent })),
    clock,
    observability,
    revision: () => configuration.current()?.revision ?? 0n,
    retiredEpochs: spool.retiredEpochs,
  });
  const admission = new Admission();
  const credentials = new Credentials({ clock, logger });
  const calibration = new OutputCalibration();
  const shared = { clock, tracer, events, admission, leases, calibration };
  const pipeline: PipelineParts = {
    ...shared,
    health: new TargetHealthBook(),
    upstream: new UpstreamClient({ credentials, observability }),
    retryBudgets: new RetryBudgets(),
    settlement: new Settlement({ ...shared, spool, replica }),
    quotaWaitMs: config.quotaWaitMs,
    random: Math.random,
    isRevoked: (virtualKey) => configuration.isRevoked(virtualKey),
  };
  const help = "Requests that are open now.";
  metrics.gaugeFunction("penstock_requests_open", help, () => admission.open);
  return { pipeline, spool, emitter, sync, credentials };
}
