import type { Observability } from "@penstock/observability";

/** What happens in the service, for counters and logs; nothing here throws. */
export interface PolicyEvents {
  changed(method: string, resources: number, revision: bigint): void;
  entryPublished(deleted: boolean): void;
  headPublished(): void;
  publishFailed(error: unknown): void;
  /** An entry that the bus never takes; a newer one of the same resource is on its way. */
  entryPassedOver(name: string, error: unknown): void;
  republished(entries: number): void;
  epochRaised(epoch: bigint, entries: number): void;
  backgroundFailed(task: string, error: unknown): void;
}

/** Makes the service's counters and log lines. */
export function createPolicyEvents({ logger, metrics }: Observability): PolicyEvents {
  const changes = metrics.counter(
    "penstock_policy_changed_resources_total",
    "Resources created, changed or deleted, by RPC.",
    ["method"],
  );
  const published = metrics.counter(
    "penstock_policy_published_entries_total",
    "Entries written to bucket config, by kind.",
    ["kind"],
  );
  const failures = metrics.counter(
    "penstock_policy_publish_failures_total",
    "Failed attempts to write to bucket config; what failed is written again.",
  );
  return {
    changed: (method, resources, revision) => {
      changes.add(resources, method);
      logger.debug("configuration changed", { method, resources, revision: String(revision) });
    },
    entryPublished: (deleted) => published.add(1, deleted ? "deletion" : "resource"),
    headPublished: () => published.add(1, "head"),
    publishFailed: (error) => {
      failures.add(1);
      logger.warn("configuration could not be published", { error });
    },
    entryPassedOver: (name, error) => {
      failures.add(1);
      logger.warn("an entry that the bus can't take is passed over for a newer one", {
        name,
        error,
      });
    },
    republished: (entries) => logger.info("configuration published anew", { entries }),
    epochRaised: (epoch, entries) =>
      logger.warn("the database is older than the bus, so it was restored: epoch raised", {
        epoch: String(epoch),
        entries,
      }),
    backgroundFailed: (task, error) => logger.warn("background task failed", { task, error }),
  };
}
