import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDataFolder } from "./folder-lock.ts";

describe("lockDataFolder", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "penstock-lock-"));
    file = join(folder, "lock");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const holder = (): Record<string, unknown> =>
    JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;

  it("is held by one, who is named, until released", async () => {
    const lock = await lockDataFolder(folder);
    const second = lockDataFolder(folder);
    await expect(second).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    await expect(second).rejects.toThrow(`${folder} is in use by process ${process.pid}`);
    lock.release();
    lock.release();
    expect(existsSync(file)).toBe(false);
    (await lockDataFolder(folder)).release();
  });

  it("tells of a lock that can't be removed instead of throwing while the process ends", async () => {
    const [lock, silent] = [await lockDataFolder(folder), await lockDataFolder(join(folder, "b"))];
    // Like a read-only file system, also for root: what stands there is not to be removed so.
    for (const path of [file, join(folder, "b", "lock")]) {
      rmSync(path);
      mkdirSync(path);
    }
    const told: string[] = [];
    lock.release((sentence) => void told.push(sentence));
    lock.release((sentence) => void told.push(sentence));
    expect(told).toEqual([expect.stringContaining(`${file} can't be removed: `)]);
    silent.release();
  });

  it("makes the folder", async () => {
    const lock = await lockDataFolder(join(folder, "a", "b"));
    expect(lock.folder).toBe(join(folder, "a", "b"));
    lock.release();
  });

  it("says which folder can't be made, and does not try for ever", async () => {
    writeFileSync(file, "");
    const inFile = lockDataFolder(join(file, "data"));
    await expect(inFile).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    await expect(inFile).rejects.toThrow(`the data folder ${file}/data can't be made or written`);
    if (process.platform !== "linux") return;
    const nowhere = lockDataFolder("/proc/penstock/data");
    await expect(nowhere).rejects.toThrow("ENOENT");
  });

  it("takes over from a process that is gone", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    const lock = await lockDataFolder(folder);
    writeFileSync(file, JSON.stringify({ ...holder(), pid: child.pid }));
    const next = await lockDataFolder(folder);
    expect(holder()).toMatchObject({ pid: process.pid });
    next.release();
    lock.release();
  });

  it("takes over when the process id belongs to another process now", async () => {
    const lock = await lockDataFolder(folder);
    writeFileSync(file, JSON.stringify({ ...holder(), startTime: "1" }));
    (await lockDataFolder(folder)).release();
    lock.release();
  });

  it("takes over what a killed process left half written", async () => {
    writeFileSync(file, '{"pid":');
    const old = new Date(Date.now() - 60_000);
    utimesSync(file, old, old);
    (await lockDataFolder(folder)).release();
  });

  it("takes over from another container only when it is silent", async () => {
    const lock = await lockDataFolder(folder);
    const foreign = JSON.stringify({ ...holder(), namespace: "elsewhere" });
    lock.release();
    writeFileSync(file, foreign);
    const waiting = lockDataFolder(folder);
    const future = new Date(Date.now() + 1_000);
    utimesSync(file, future, future);
    await expect(waiting).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    const old = new Date(Date.now() - 60_000);
    utimesSync(file, old, old);
    (await lockDataFolder(folder)).release();
  });

  it("lets one of many win", async () => {
    writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, startTime: "1", namespace: "x" }));
    const old = new Date(Date.now() - 60_000);
    utimesSync(file, old, old);
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(folder)));
    const won = tries.filter((attempt) => attempt.status === "fulfilled");
    expect(won).toHaveLength(1);
    for (const attempt of won) attempt.value.release();
  });
});
