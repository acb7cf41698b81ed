import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { readDataDir, readStartSettings, shownPath } from "./settings.ts";

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error.fieldViolations.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe("readStartSettings", () => {
  it("takes flags before the environment and that before defaults", () => {
    const environment = { PENSTOCK_HTTP_PORT: "9000", PENSTOCK_GRPC_PORT: "9001" };
    const settings = readStartSettings({ httpPort: "0", dataDir: "/tmp/x" }, environment);
    expect(settings.ports).toEqual({
      http: 0,
      grpc: 9001,
      control: 8082,
      admin: 8083,
      simulator: 8084,
    });
    expect(settings).toMatchObject({ dataDir: "/tmp/x", bindAddress: "127.0.0.1" });
  });

  it("takes the customary names of bus and database, Penstock's own first", () => {
    const environment = {
      NATS_URL: "nats://a:4222",
      DATABASE_URL: "postgres://a/b",
      PENSTOCK_DATABASE_URL: "postgres://c/d",
    };
    expect(readStartSettings({}, environment)).toMatchObject({
      busUrl: "nats://a:4222",
      databaseUrl: "postgres://c/d",
    });
    expect(readStartSettings({}, {})).toMatchObject({ busUrl: undefined, databaseUrl: undefined });
  });

  it("names every wrong variable, or the flag", () => {
    const environment = { PENSTOCK_HTTP_PORT: "x", PENSTOCK_ADMIN_PORT: "70000" };
    expect(problemsOf(() => readStartSettings({}, environment))).toEqual([
      "PENSTOCK_HTTP_PORT",
      "PENSTOCK_ADMIN_PORT",
    ]);
    expect(problemsOf(() => readStartSettings({ grpcPort: "-1" }, {}))).toEqual(["--grpc-port"]);
  });

  it("keeps secrets out of text", () => {
    const settings = readStartSettings(
      {},
      { PENSTOCK_ADMIN_TOKEN: "pat_x", OPENAI_API_KEY: "sk-x" },
    );
    expect(settings.adminToken?.reveal()).toBe("pat_x");
    expect(JSON.stringify(settings)).not.toMatch(/pat_x|sk-x/);
  });
});

describe("folders", () => {
  it("finds the data folder and shows it short", () => {
    expect(readDataDir(undefined, { PENSTOCK_DATA_DIR: "/data" })).toBe("/data");
    expect(readDataDir("/flag", { PENSTOCK_DATA_DIR: "/data" })).toBe("/flag");
    expect(shownPath("/a/b/.penstock", "/a/b")).toBe(".penstock");
    expect(shownPath("/c/.penstock", "/a/b")).toBe("/c/.penstock");
  });
});
