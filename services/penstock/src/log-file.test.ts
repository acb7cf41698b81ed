import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
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
