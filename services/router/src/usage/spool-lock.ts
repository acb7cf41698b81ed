import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { GatewayError } from "@penstock/errors";
import { parseProcessIdentity, stateOfProcess, thisProcess } from "@penstock/runtime";
import type { ProcessIdentity } from "@penstock/runtime";
import { isDiskFull, withReservedRoom } from "./reserved-room.ts";

/** A spool's folder that belongs to this process until released. */
export interface SpoolLock {
  release(): void;
}

/** A worker whose primary was killed needs some milliseconds to end; it is waited for. */
const longestWaitMs = 2_000;
const lookEveryMs = 50;

/**
 * Takes a spool's folder for this process. The data folder is locked as a whole, so that only a
 * worker that has outlived its primary can still be in it: two that write one spool, or end its
 * requests twice, would lose events. What a process that is gone, or one of another container, has
 * left is taken over. Blocks for at most 2 s.
 *
 * @throws GatewayError FAILED_PRECONDITION that names the process when it is in use.
 */
export function lockSpool(folder: string): SpoolLock {
  const file = `${folder}/owner`;
  const own = thisProcess();
  for (let waitedMs = 0; !create(folder, file, JSON.stringify(own)); waitedMs += lookEveryMs) {
    const owner = read(file);
    if (owner?.pid === own.pid && owner.startTime === own.startTime) break;
    if (owner === undefined || stateOfProcess(owner) !== "alive") rmSync(file, { force: true });
    else if (waitedMs >= longestWaitMs) throw inUse(folder, owner.pid);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookEveryMs);
  }
  return { release: () => rmSync(file, { force: true }) };
}

/** False when the file exists. */
function create(folder: string, file: string, text: string): boolean {
  try {
    const fd = withReservedRoom(folder, () => openSync(file, "wx", 0o600));
    try {
      withReservedRoom(folder, () => writeSync(fd, text, 0));
    } catch (error) {
      // Without a name in it the file keeps nobody out; a full disk must not keep the owner out.
      if (!isDiskFull(error)) throw error;
    } finally {
      closeSync(fd);
    }
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function read(file: string): ProcessIdentity | undefined {
  try {
    return parseProcessIdentity(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function inUse(folder: string, pid: number): GatewayError {
  const message = `the spool ${folder} is in use by process ${pid}, a worker that should be gone`;
  return new GatewayError("FAILED_PRECONDITION", message, {
    source: "gateway",
    metadata: { folder, pid: String(pid) },
  });
}
