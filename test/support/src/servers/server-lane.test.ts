import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverLane } from "./server-lane.ts";

vi.mock("./nats.ts", () => ({ findNats: () => undefined }));

describe("serverLane", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "penstock-lane-"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it("notes once that a lane was not run", () => {
    const file = join(folder, "not-run");
    vi.stubEnv("PENSTOCK_TEST_NOT_RUN_FILE", file);
    vi.stubEnv("PENSTOCK_TEST_REQUIRE", "");
    vi.stubEnv("PENSTOCK_TEST_WITHOUT", "");
    expect(serverLane("nats").available).toBe(false);
    serverLane("nats");
    expect(readFileSync(file, "utf8")).toBe("nats: nats-server is not on PATH\n");
  });

  it("does as if a server were not there that is left out", () => {
    const file = join(folder, "not-run");
    vi.stubEnv("PENSTOCK_TEST_NOT_RUN_FILE", file);
    vi.stubEnv("PENSTOCK_TEST_REQUIRE", "");
    vi.stubEnv("PENSTOCK_TEST_WITHOUT", "postgres");
    expect(serverLane("postgres").available).toBe(false);
    expect(readFileSync(file, "utf8")).toBe("postgres: PENSTOCK_TEST_WITHOUT leaves it out\n");
  });
});

// Read while the file loads, so that the missing lane of this test is noted nowhere.
vi.stubEnv("PENSTOCK_TEST_REQUIRE", "");
vi.stubEnv("PENSTOCK_TEST_NOT_RUN_FILE", "");
serverLane("nats").describe("a missing lane", () => {
  it("is skipped", () => {
    expect.unreachable();
  });
});
vi.unstubAllEnvs();
