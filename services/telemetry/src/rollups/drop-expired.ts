import { pruneSequences, tryAdvisoryLock } from "@penstock/database";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";

import type { TelemetryEvents } from "../events.ts";
import { dropExpired } from "../storage/rollup-store.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import { schemaName } from "../storage/schema.ts";
import { hourOf } from "./roll-up-hour.ts";

const sweepIntervalMs = 60_000;
const dropSize = 1_000;
const dayMs = 86_400_000;

/** What the sweep works with. */
export interface DropDependencies {
  readonly db: RecordsDatabase;
  readonly clock: Clock;
  readonly events: TelemetryEvents;
  readonly retentionDays: number;
}

/** Drops whole hours that are older than the retention; records and sums go together. */
export async function dropOnce(
  dependencies: DropDependencies,
  signal?: AbortSignal,
): Promise<void> {
  const { db, clock, events, retentionDays } = dependencies;
  const nowMs = clock.wallMs();
  const beforeMs = hourOf(nowMs - retentionDays * dayMs);
  for (;;) {
    const dropped = await dropExpired(db, beforeMs, dropSize);
    events.recordsDropped(dropped);
    if (dropped < dropSize || signal?.aborted === true) break;
  }
  await pruneSequences(db, schemaName, nowMs);
}

/** Sweeps once a minute until the signal aborts; one replica at a time. */
export async function runDropping(
  dependencies: DropDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, events } = dependencies;
  while (!signal.aborted) {
    try {
      await sweepOnce(dependencies);
    } catch (error) {
      events.sweepFailed(error);
    }
    await sleep(clock, sweepIntervalMs, signal).catch(() => undefined);
  }
}

async function sweepOnce(dependencies: DropDependencies): Promise<void> {
  const lock = await tryAdvisoryLock(dependencies.db, "telemetry sweep");
  if (lock === undefined) return;
  try {
    await dropOnce(dependencies, lock.lost);
  } finally {
    await lock.release();
  }
}
