import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { statSync, unlinkSync, utimesSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "@penstock/errors";
import { parseProcessIdentity, stateOfProcess, thisProcess } from "@penstock/runtime";
import type { ProcessIdentity } from "@penstock/runtime";

/** A data folder that belongs to this process until released. */
export interface FolderLock {
  /** The absolute path of the folder. */
  readonly folder: string;
  /**
   * Never throws: it runs while the process ends. A lock that can't be removed, as on a file system
   * that has become read-only, stays for the next start to take over; `onLeft` gets the sentence.
   */
  release(onLeft?: (sentence: string) => void): void;
}

// The holder touches the file; where its process cannot be seen, silence means it is gone.
const touchEveryMs = 2_000;
const silentAfterMs = 8_000;
const lookEveryMs = 50;

/**
 * Takes the folder for this process: two processes on one embedded database would lose each
 * other's rows without an error. Creates it when missing. The lock of a process that is gone
 * is taken over.
 *
 * @throws GatewayError FAILED_PRECONDITION naming folder and process when it is in use, or why it
 * can't be written.
 */
export async function lockDataFolder(dataDir: string): Promise<FolderLock> {
  const folder = resolve(dataDir);
  try {
    makeFolder(folder);
    return await lockFolder(folder);
  } catch (cause) {
    if (typeof codeOf(cause) !== "string") throw cause;
    throw notWritable(folder, cause);
  }
}

/** Like `recursive` of mkdir, which never returns where nothing can be made, as below /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, "lock");
  const firstTouchMs = touchedMs(file);
  for (let lookedMs = 0; lookedMs <= 2 * silentAfterMs; lookedMs += lookEveryMs) {
    if (create(file, JSON.stringify(thisProcess()))) return hold(folder, file);
    const holder = read(file);
    const state = stateOf(holder, file);
    const isTouched = state === "unseen" && touchedMs(file) !== firstTouchMs;
    if (state === "alive" || isTouched) throw inUse(folder, holder?.pid);
    if (state === "gone" && takeOver(file)) continue;
    await delay(lookEveryMs);
  }
  throw inUse(folder, read(file)?.pid);
}

function hold(folder: string, file: string): FolderLock {
  const touch = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // The folder was removed under a running process; there is nothing left to protect.
      clearInterval(touch);
    }
  }, touchEveryMs);
  touch.unref();
  let held = true;
  const release: FolderLock["release"] = (onLeft) => {
    if (!held) return;
    held = false;
    clearInterval(touch);
    try {
      // Not rmSync, which has no words for a read-only file system.
      unlinkSync(file);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return;
      onLeft?.(`${file} can't be removed: ${reasonOf(cause)}; the next start takes it over`);
    }
  };
  return { folder, release };
}

/** False when the file exists. */
function create(file: string, text: string): boolean {
  try {
    const descriptor = openSync(file, "wx", 0o600);
    writeSync(descriptor, text);
    closeSync(descriptor);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes the lock of a dead holder; one process at a time, so that no fresh lock is removed. */
function takeOver(file: string): boolean {
  const guard = `${file}.takeover`;
  if (!create(guard, "")) {
    if (isOld(guard, 10_000)) rmSync(guard, { force: true });
    return false;
  }
  try {
    if (stateOf(read(file), file) === "gone") rmSync(file, { force: true });
    return true;
  } finally {
    rmSync(guard, { force: true });
  }
}

function read(file: string): ProcessIdentity | undefined {
  try {
    return parseProcessIdentity(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * "unseen": the process id means nothing here (another container, or a restart of the machine),
 * or the file is just being written; only time tells.
 */
function stateOf(
  holder: ProcessIdentity | undefined,
  file: string,
): ReturnType<typeof stateOfProcess> {
  if (holder === undefined) return isOld(file, 1_000) ? "gone" : "unseen";
  const state = stateOfProcess(holder);
  return state === "unseen" && isOld(file, silentAfterMs) ? "gone" : state;
}

/** When the file was last touched; undefined when it is not there. */
function touchedMs(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function isOld(file: string, ageMs: number): boolean {
  const touched = touchedMs(file);
  return touched === undefined || Date.now() - touched > ageMs;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function inUse(folder: string, pid: number | undefined): GatewayError {
  const who = pid === undefined ? "another process" : `process ${pid}`;
  const message = `the data folder ${folder} is in use by ${who}; stop it or choose another folder`;
  return new GatewayError("FAILED_PRECONDITION", message, {
    source: "gateway",
    metadata: { folder, ...(pid === undefined ? {} : { pid: String(pid) }) },
  });
}

function notWritable(folder: string, cause: unknown): GatewayError {
  const message = `the data folder ${folder} can't be made or written: ${reasonOf(cause)}`;
  const options = { source: "gateway", metadata: { folder }, cause } as const;
  return new GatewayError("FAILED_PRECONDITION", message, options);
}
