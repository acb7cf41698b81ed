import { create } from "@bufbuild/protobuf";
import { SyncLeasesRequestSchema } from "@penstock/api";
import { workerName } from "@penstock/bus";
import { callOptions } from "@penstock/rpc";
import { deadlineSignal } from "@penstock/runtime";
import { RouterEvents } from "./events.ts";
import { CountingPauses } from "./health/counting-pauses.ts";
import { CooldownHints } from "./health/cooldown-hints.ts";
import { HedgeBook } from "./hedging/hedge-book.ts";
import { FailureSamples } from "./health/failure-samples.ts";
import { TargetHealthBook } from "./health/target-health.ts";
import { LeaseBook } from "./leases/lease-book.ts";
import { LeaseSync } from "./leases/lease-sync.ts";
import { AffinityBook } from "./choosing/affinity.ts";
import { offerWindows } from "./performance/offer-windows.ts";
import { TargetPerformanceBook } from "./performance/target-performance.ts";
import { Admission } from "./pipeline/admit.ts";
import { OutputCalibration } from "./pipeline/output-estimate.ts";
import type { PipelineParts } from "./pipeline/pipeline-parts.ts";
import { RetryBudgets } from "./pipeline/retry-budget.ts";
import { Settlement } from "./pipeline/settle.ts";
import type { RouterDependencies } from "./service.ts";
import { Credentials } from "./upstream/credentials.ts";
import { UpstreamClient } from "./upstream/upstream-client.ts";
import { IntentAdoption } from "./usage/intent-adoption.ts";
import { SpoolAdoption } from "./usage/spool-adoption.ts";
import { ownSpoolFolder } from "./usage/spool-folders.ts";
import { Spool } from "./usage/spool.ts";
import { UsageEmitter } from "./usage/usage-emitter.ts";
import type { UsageRecorder } from "./usage/usage-recorder.ts";
import { BusAckRecorder } from "./usage/bus-ack-recorder.ts";
import { holderName } from "./usage/holder-name.ts";

/** reliability §2.9. */
const defaultSpoolBytes = 2 * 1024 * 1024 * 1024;
/** The newest lives of a worker that quota hears of; it takes no more (proto SyncLeasesRequest). */
const mostRetired = 1_000;
/** How long quota may take to hear that a worker is gone. */
const retireTimeoutMs = 2_000;

/** What a router is made of, below its doors. */
export interface RouterParts {
  readonly pipeline: PipelineParts;
  readonly spool: Spool;
  readonly emitter: UsageEmitter;
  /** Of workers that are no more; only the first worker has one. */
  readonly adoption: SpoolAdoption | undefined;
  /** With `usage_durability: bus_ack`. */
  readonly intents: IntentAdoption | undefined;
  readonly sync: LeaseSync;
  readonly credentials: Credentials;
  readonly hints: CooldownHints;
}

/** Builds everything in order; nothing runs yet but the recovery of the spool. */
export function buildRouterParts(deps: RouterDependencies): RouterParts {
  const { config, clock, bus, configuration, observability } = deps;
  const { replica, worker, workers = 1 } = config;
  const name = workerName(replica, worker);
  const holder = holderName(replica, worker);
  const { logger, tracer, metrics } = observability;
  const events = new RouterEvents(logger, metrics);
  const health = new TargetHealthBook();
  health.onBreaker = (event) => events.breaker(event);
  const folder = ownSpoolFolder(config.dataDir, { replica, worker });
  const boundBytes = Math.floor((config.spoolBytes ?? defaultSpoolBytes) / workers);
  const spool = Spool.open({ folder, replica: name, clock, observability, boundBytes });
  const eager = config.usageDurability === "bus_ack";
  const emitter = new UsageEmitter({ spool, bus, replica: name, clock, observability, eager });
  const { recorder, intents } = recorderOf(deps, { spool, emitter, name });
  const leases = new LeaseBook({ clock, epoch: spool.epoch });
  const sync = new LeaseSync({
    book: leases,
    holder,
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
  const performance = new TargetPerformanceBook();
  offerWindows(metrics, performance, clock);
  const shared = { clock, tracer, events, admission, leases, calibration };
  const pipeline: PipelineParts = {
    ...shared,
    health,
    countingPauses: new CountingPauses(),
    performance,
    affinity: new AffinityBook(),
    hedging: new HedgeBook(),
    upstream: new UpstreamClient({ credentials, observability, clock }),
    failureSamples: new FailureSamples(),
    retryBudgets: new RetryBudgets(),
    settlement: new Settlement({ ...shared, spool: recorder, replica: name }),
    quotaWait: {
      usualMs: config.quotaWaitMs,
      aliveMs: config.aliveQuotaWaitMs ?? config.quotaWaitMs,
    },
    random: Math.random,
    isRevoked: (virtualKey) => configuration.isRevoked(virtualKey),
  };
  const help = "Requests that are open now.";
  metrics.gaugeFunction("penstock_requests_open", help, () => admission.open);
  const adoption = worker === "0" ? adoptionOf(deps) : undefined;
  const hints = new CooldownHints({
    bucket: bus.hints,
    book: pipeline.health,
    replica: name,
    clock,
    observability,
  });
  return { pipeline, spool, emitter, adoption, intents, sync, credentials, hints };
}

/** Where requests are recorded, by how durable the disk is. */
function recorderOf(
  { config, bus, clock, observability }: RouterDependencies,
  usage: { readonly spool: Spool; readonly emitter: UsageEmitter; readonly name: string },
): { recorder: UsageRecorder; intents: IntentAdoption | undefined } {
  const { spool, emitter, name } = usage;
  if (config.usageDurability !== "bus_ack") return { recorder: spool, intents: undefined };
  const common = { name, clock, observability };
  const recorder = new BusAckRecorder({ spool, intents: bus.intents, ...common });
  const { retiredEpochs } = spool;
  const sweeps = config.worker === "0";
  const intents = new IntentAdoption({ bus, sweeps, recorder: spool, retiredEpochs, ...common });
  emitter.onPublished = (requestId) => {
    recorder.published(requestId);
    intents.published(requestId);
  };
  return { recorder, intents };
}

function adoptionOf(deps: RouterDependencies): SpoolAdoption {
  const { config, bus, clock, observability } = deps;
  const { dataDir, replica, workers = 1 } = config;
  return new SpoolAdoption({
    dataDir,
    replica,
    workers,
    bus,
    clock,
    observability,
    // A sync of a life that asks for nothing: it fences those before it and says where they ended.
    retire: ({ holder, epoch, retiredEpochs }, signal) =>
      deps.clients.leases.syncLeases(
        create(SyncLeasesRequestSchema, {
          holder,
          epoch,
          sequence: 1n,
          retiredEpochs: retiredEpochs.slice(-mostRetired),
        }),
        callOptions({ signal: deadlineSignal(retireTimeoutMs, signal), span: undefined }),
      ),
  });
}
