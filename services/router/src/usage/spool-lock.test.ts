import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { thisProcess } from "@penstock/runtime";
import { afterEach, expect, it } from "vitest";
import { lockSpool } from "./spool-lock.ts";

const folder = mkdtempSync(`${tmpdir()}/spool-lock-`);
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function parent() {
  const stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
  const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  return { ...thisProcess(), pid: process.ppid, startTime };
}

it("keeps out others while a process lives, and nobody once it is gone", () => {
  const file = `${folder}/owner`;
  writeFileSync(file, JSON.stringify(parent()));
  expect(() => lockSpool(folder)).toThrow(`in use by process ${process.ppid}`);
  for (const left of [
    JSON.stringify({ ...parent(), startTime: "1" }),
    JSON.stringify({ ...parent(), namespace: "of another container" }),
    '{"pid":',
  ]) {
    writeFileSync(file, left);
    const lock = lockSpool(folder);
    expect(readFileSync(file, "utf8")).toBe(JSON.stringify(thisProcess()));
    lock.release();
    expect(existsSync(file)).toBe(false);
  }
});
