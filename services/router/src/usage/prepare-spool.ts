import { mkdirSync } from "node:fs";
import { chooseEpoch, saveEpoch, syncFolder } from "./epoch-counter.ts";
import { listSegments, recoverSpool } from "./recover-spool.ts";
import type { Recovered, RecoveryOptions } from "./recover-spool.ts";
import { isDiskFull } from "./reserved-room.ts";
import { lockSpool } from "./spool-lock.ts";
import type { SpoolLock } from "./spool-lock.ts";

/** A folder that belongs to this process, with an end for every request of earlier lives. */
export interface PreparedSpool {
  readonly lock: SpoolLock;
  /** Of this life. */
  readonly epoch: bigint;
  /** False on a full disk: it is to be saved before anything is written under it. */
  readonly isEpochSaved: boolean;
  readonly recovered: Recovered;
}

/**
 * Takes the folder, counts the start and recovers what earlier lives left. Blocks. Throws what the
 * file system throws when the folder can't be used, but not when the disk is full, and
 * FAILED_PRECONDITION when another process uses it.
 */
export function prepareSpool(options: RecoveryOptions): PreparedSpool {
  const { folder, clock, logger } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockSpool(folder);
  try {
    const found = listSegments(folder);
    const known = found.reduce((most, { epoch }) => (epoch > most ? epoch : most), 0n);
    const epoch = chooseEpoch(folder, known, clock.wallMs());
    let isEpochSaved = true;
    try {
      saveEpoch(folder, epoch);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      isEpochSaved = false;
    }
    const recovered = recoverSpool(options, found);
    syncFolder(folder);
    const { interrupted, corrupt, lost } = recovered;
    if (interrupted + corrupt + lost > 0) {
      logger.warn("requests of an earlier life were ended", { interrupted, corrupt, lost });
    }
    return { lock, epoch, isEpochSaved, recovered };
  } catch (error) {
    lock.release();
    throw error;
  }
}
