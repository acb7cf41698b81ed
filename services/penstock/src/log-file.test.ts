import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@penstock/observability";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWarningEcho, openLogFile } from "./log-file.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-log-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("openLogFile", () => {
  it("keeps lines across openings and is bounded by one older file", async () => {
    const line = `${"x".repeat(99)}\n`;
    for (let opening = 0; opening < 3; opening += 1) {
      const log = openLogFile(folder, { maxBytes: 1_000 });
      for (let index = 0; index < 8; index += 1) log.write(line);
      log.close();
    }
    expect(readdirSync(folder).sort()).toEqual(["penstock.log", "penstock.log.1"]);
    expect(statSync(join(folder, "penstock.log")).size).toBeLessThanOrEqual(1_000);
  });

  it("goes on in the same file where no other can be begun, says so once, and tries again", () => {
    const line = `${"x".repeat(99)}\n`;
    const inTheWay = join(folder, "penstock.log.1");
    mkdirSync(inTheWay);
    const heard: string[] = [];
    const fill = (from: number): void => {
      const onWarning = (text: string): void => void heard.push(text);
      const log = openLogFile(folder, { maxBytes: 1_000, onWarning });
      vi.useFakeTimers();
      for (let index = from; index < from + 30; index += 1) {
        log.write(`${index} ${line}`);
        vi.advanceTimersByTime(50);
      }
      vi.useRealTimers();
      log.close();
    };
    fill(0);
    const text = readFileSync(join(folder, "penstock.log"), "utf8");
    const numbers = [...text.matchAll(/^(\d+) x/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/"level":"warn".*penstock\.log can't be begun anew.*EISDIR/);
    expect(text).toContain(heard[0]);
    rmSync(inTheWay, { recursive: true });
    fill(30);
    expect(statSync(join(folder, "penstock.log")).size).toBeLessThanOrEqual(1_000);
    expect(readFileSync(inTheWay, "utf8").split("\n").length).toBeGreaterThan(2);
    expect(heard).toHaveLength(1);
  });

  it("begins a file anew that somebody has removed", () => {
    const log = openLogFile(folder, { maxBytes: 100 });
    vi.useFakeTimers();
    for (const text of ["first", "second"]) {
      log.write(`${text}${"x".repeat(60)}\n`);
      vi.advanceTimersByTime(50);
      if (text === "first") rmSync(log.file);
    }
    vi.useRealTimers();
    log.close();
    expect(readFileSync(log.file, "utf8")).toMatch(/^secondx+\n$/);
  });

  it("writes by itself after a moment", async () => {
    const log = openLogFile(folder);
    log.write("hello\n");
    await vi.waitFor(() => expect(readFileSync(log.file, "utf8")).toBe("hello\n"));
    log.close();
  });

  it("hands on warnings and errors, which become short lines and are not repeated at once", () => {
    const heard: string[] = [];
    let nowMs = 0;
    const onWarning = createWarningEcho(
      (text) => heard.push(text),
      () => nowMs,
    );
    const log = openLogFile(folder, { onWarning });
    const logger = createLogger({ write: log.write, fields: { service: "penstock" } });
    logger.info("quiet");
    logger.warn("disk is nearly full", { freeBytes: 5, nested: { a: 1 } });
    logger.error("broken");
    logger.warn("disk is nearly full", { freeBytes: 4 });
    nowMs = 60_000;
    logger.warn("disk is nearly full", { freeBytes: 3 });
    log.close();
    expect(heard).toEqual([
      "warning: disk is nearly full (freeBytes=5)",
      "error: broken",
      "warning: disk is nearly full (freeBytes=3)",
    ]);
  });
});
