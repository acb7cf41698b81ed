import type { Logger } from "@penstock/observability";
import { linkSignals, sleep, systemClock } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { DatabaseServer } from "./open-database.ts";
import { syncFolder } from "./sync-folder.ts";

const checkIntervalMs = 2_000;
/**
 * Log after which a checkpoint is made. It stops everybody for as long as writing what changed
 * since takes: 0.2 s for so much on two slow cores. Replaying it takes a few seconds.
 */
const longestLogBytes = 128 * 1024 * 1024;

/**
 * The same server, with checkpoints while it runs. PGlite is PostgreSQL's single-user mode, which
 * makes one at its end only: the log on disk would grow with everything that was ever written, and
 * after a crash all of it would be replayed before the database opens.
 */
export function withCheckpoints(
  server: DatabaseServer,
  folder: string,
  logger: Logger,
): DatabaseServer {
  const db = server.connect<unknown>("public");
  const stopping = new AbortController();
  const signal = linkSignals(stopping.signal, server.failed);
  const running = runCheckpoints({ db, folder, logger }, signal);
  const close = async (): Promise<void> => {
    stopping.abort(new Error("the embedded database closes"));
    await running;
    await server.close();
  };
  let closing: Promise<void> | undefined;
  return { ...server, close: () => (closing ??= close()) };
}

interface Checkpoints {
  readonly db: Kysely<unknown>;
  readonly folder: string;
  readonly logger: Logger;
}

async function runCheckpoints(checkpoints: Checkpoints, signal: AbortSignal): Promise<void> {
  let lastMs = 0;
  while (!signal.aborted) {
    await sleep(systemClock, checkIntervalMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const startMs = systemClock.wallMs();
      if (await checkpointIfDue(checkpoints, lastMs)) lastMs = startMs;
    } catch (error) {
      if (signal.aborted) return;
      checkpoints.logger.warn("the embedded database made no checkpoint", { error });
    }
  }
}

async function checkpointIfDue({ db, folder }: Checkpoints, lastMs: number): Promise<boolean> {
  const { rows } = await sql<{ bytes: bigint }>`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::bigint as bytes
    from pg_control_checkpoint()`.execute(db);
  if ((rows[0]?.bytes ?? 0n) < longestLogBytes) return false;
  await sql`checkpoint`.execute(db);
  // PGlite never asks the disk for anything, and the log does not repeat it any more.
  await syncFolder(folder, lastMs);
  return true;
}
