import { existsSync, rmSync } from "node:fs";

/** Where a spool keeps the room that it has taken beforehand, see `EmergencySegment`. */
export function reservePath(folder: string): string {
  return `${folder}/reserve`;
}

/** Whether the file system says that there is no room, on the disk or in a quota of it. */
export function isDiskFull(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOSPC" || error.code === "EDQUOT")
  );
}

/**
 * Gives what `write` gives. Where the disk is full, the room that a spool's folder has reserved is
 * given up first: a start needs little, and takes no requests before there is room to reserve.
 * Throws what `write` throws the second time.
 */
export function withReservedRoom<Result>(folder: string, write: () => Result): Result {
  try {
    return write();
  } catch (error) {
    const reserve = reservePath(folder);
    if (!isDiskFull(error) || !existsSync(reserve)) throw error;
    rmSync(reserve, { force: true });
    return write();
  }
}
