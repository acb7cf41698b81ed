import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { withReservedRoom } from "./reserved-room.ts";

/** Makes what was done in a folder last through a power loss. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Counts a start: higher than every one before, on the disk before it is used. `known` is the
 * highest epoch that files of the folder name. Never lower than the seconds of the wall clock: with
 * a folder that was lost, or copied, a router must not begin again at a number that quota and the
 * consumers know already, and of two routers with one name the later start has to win.
 */
export function nextEpoch(folder: string, known: bigint, wallMs: number): bigint {
  const epoch = chooseEpoch(folder, known, wallMs);
  saveEpoch(folder, epoch);
  return epoch;
}

/** The epoch of a start, as `nextEpoch` does, but only chosen. */
export function chooseEpoch(folder: string, known: bigint, wallMs: number): bigint {
  const counted = countedEpoch(folder, known);
  const seconds = BigInt(Math.floor(wallMs / 1_000));
  return counted < seconds ? seconds : counted + 1n;
}

/** Puts the epoch on the disk, for the next start to count from. */
export function saveEpoch(folder: string, epoch: bigint): void {
  const path = `${folder}/epoch`;
  const draft = `${path}.new`;
  withReservedRoom(folder, () => {
    const fd = openSync(draft, "w");
    try {
      writeSync(fd, `${epoch}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
  renameSync(draft, path);
  syncFolder(folder);
}

/** The highest epoch that a folder knows of; `known` is the highest that its files name. */
export function countedEpoch(folder: string, known: bigint): bigint {
  const counter = readCounter(`${folder}/epoch`);
  return counter > known ? counter : known;
}

function readCounter(path: string): bigint {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0n;
    throw error;
  }
  return /^\d{1,15}$/.test(text) ? BigInt(text) : 0n;
}
