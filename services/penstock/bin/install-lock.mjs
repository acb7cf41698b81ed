import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LaunchError } from "./launch-error.mjs";

const heartbeatMs = 2_000;
// Fifteen missed heartbeats: the holder is gone, or suspended for so long that it may as well be.
const abandonedAfterMs = 30_000;
const pollMs = 200;
// Three times the slowest cold install we have seen on a slow line.
const longestWaitMs = 600_000;

/**
 * Takes the lock file, waiting for whoever holds it; resolves to the function that releases it.
 * A lock whose process is gone, or which has shown no sign of life, is taken over.
 */
export async function takeInstallLock(file, onWait) {
  const token = `${process.pid} ${hostname()} ${randomUUID()}`;
  const deadline = Date.now() + longestWaitMs;
  let told = false;
  while (!tryCreate(file, token)) {
    const holder = readHolder(file);
    if (holder !== undefined && isAbandoned(holder)) {
      removeExactly(file, holder.token);
      continue;
    }
    if (Date.now() > deadline) throw new LaunchError(stuck(file, holder));
    if (!told) onWait(holder?.pid);
    told = true;
    await sleep(pollMs);
  }
  const heartbeat = setInterval(() => touch(file), heartbeatMs);
  return () => {
    clearInterval(heartbeat);
    if (readHolder(file)?.token === token) rmSync(file, { force: true });
  };
}

function tryCreate(file, token) {
  try {
    writeFileSync(file, token, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw new LaunchError(`cannot write to node_modules: ${error.message}.`);
  }
}

function readHolder(file) {
  try {
    const token = readFileSync(file, "utf8");
    const [pid, host] = token.split(" ");
    return { token, pid: Number(pid), host, ageMs: Date.now() - statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

function isAbandoned(holder) {
  if (holder.ageMs > abandonedAfterMs) return true;
  return holder.token !== "" && holder.host === hostname() && !isAlive(holder.pid);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

// Two waiters may find the same lock abandoned: the rename moves it aside for exactly one of
// them, and whoever moved a newer lock by mistake puts it back.
function removeExactly(file, token) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (readFileSync(aside, "utf8") !== token) renameSync(aside, file);
    else rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

function touch(file) {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // Someone deleted the lock by hand; the install goes on, and the release finds nothing.
  }
}

function stuck(file, holder) {
  const who = holder === undefined ? "another launch" : `process ${holder.pid} on ${holder.host}`;
  return `${who} has been installing for ten minutes. If it hangs, end it and delete ${file}.`;
}
