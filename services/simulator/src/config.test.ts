import { describe, expect, it } from "vitest";
import { readSimulatorConfig } from "./config.ts";

const read = (mode?: string, folder?: string, upstreams?: string) =>
  readSimulatorConfig({
    PENSTOCK_SIMULATOR_MODE: mode,
    PENSTOCK_SIMULATOR_FOLDER: folder,
    PENSTOCK_SIMULATOR_UPSTREAMS: upstreams,
  }).exchanges;

describe("readSimulatorConfig", () => {
  it("simulates unless it is told otherwise", () => {
    expect(read()).toBeUndefined();
    expect(read("simulate")).toBeUndefined();
  });

  it("reads where to record from and where to", () => {
    const upstreams = "openai=https://api.openai.com/, my-vendor=http://127.0.0.1:9/base";
    expect(read("record", "/x", upstreams)).toEqual({
      mode: "record",
      folder: "/x",
      upstreams: { openai: "https://api.openai.com", "my-vendor": "http://127.0.0.1:9/base" },
    });
    expect(read("strict", "/x")).toEqual({ mode: "strict", folder: "/x", upstreams: {} });
  });

  it.each([
    ["tape", "/x", undefined, "PENSTOCK_SIMULATOR_MODE must be one of"],
    ["replay", undefined, undefined, "PENSTOCK_SIMULATOR_FOLDER is required"],
    ["record", "/x", undefined, "PENSTOCK_SIMULATOR_UPSTREAMS is required"],
    ["record", "/x", "openai", "PENSTOCK_SIMULATOR_UPSTREAMS must be"],
    ["record", "/x", "openai=ftp://x", "PENSTOCK_SIMULATOR_UPSTREAMS must be"],
    ["record", "/x", "openai=https://u:p@x", "PENSTOCK_SIMULATOR_UPSTREAMS must be"],
  ])("refuses %s, %s, %s", (mode, folder, upstreams, message) => {
    expect(() => read(mode, folder, upstreams)).toThrow(message);
  });
});
