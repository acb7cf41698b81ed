import type { ConfigHead } from "@penstock/api";
import type { Observability } from "@penstock/observability";
import { attributeNames, parseTraceparent } from "@penstock/observability";
import type { Snapshot } from "@penstock/snapshot";

/** From where the snapshot in use came. */
export type SnapshotSource = "bus" | "fetch" | "file";

/** What a follower tells logs, metrics and traces; one function for each event. */
export interface FollowerEvents {
  /** A head is being applied: a trace of its own, linked to the change that made the head. */
  applying(head: ConfigHead): {
    /** It is in use; `applyTimeMs` is from the head to the swap. */
    done(snapshot: Snapshot, source: SnapshotSource, applyTimeMs: number): void;
  };
  loadFailed(because: string, error: unknown): void;
}

const applySecondsBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2];
const loggedProblems = 20;

/** Registers the metrics; `readAgeMs` is asked when they are read. */
export function createFollowerEvents(
  { logger, metrics, tracer }: Observability,
  readAgeMs: () => number,
): FollowerEvents {
  const revisionGauge = metrics.gauge("penstock_config_revision", "Revision in use.");
  const refusedGauge = metrics.gauge("penstock_config_refused", "Resources that are refused.");
  const applyHelp = "From a head to the swap. Unit: seconds.";
  const applySeconds = metrics.histogram(
    "penstock_config_apply_seconds",
    applyHelp,
    applySecondsBounds,
  );
  const ageHelp = "Since the configuration was last known to be the newest. Unit: seconds.";
  metrics.gaugeFunction("penstock_config_age_seconds", ageHelp, () => readAgeMs() / 1_000);
  return {
    applying(head) {
      const cause = parseTraceparent(head.traceparent);
      const span = tracer.startSpan("penstock.config.apply", {
        kind: "internal",
        links: cause === undefined ? [] : [cause],
        attributes: { [attributeNames.configRevision]: Number(head.revision) },
      });
      return {
        done(snapshot, source, applyTimeMs) {
          const { epoch, problems, revision } = snapshot;
          const refused = new Set(problems.map(({ name }) => name)).size;
          revisionGauge.set(Number(revision));
          refusedGauge.set(refused);
          applySeconds.record(applyTimeMs / 1_000);
          if (refused > 0) span.fail(`${refused} resources are refused`);
          span.end();
          logger.info("configuration applied", { epoch, revision, source, ms: applyTimeMs });
          for (const problem of problems.slice(0, loggedProblems)) {
            logger.warn("a resource is refused", { ...problem });
          }
        },
      };
    },
    loadFailed(because, error) {
      logger.warn("the configuration cannot be loaded", { because, error });
    },
  };
}
