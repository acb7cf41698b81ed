import { describe, expect, it } from "vitest";
import { knownFaults, readScenario, UnknownFault } from "./scenario.ts";

describe("readScenario", () => {
  it("takes a plain name as a healthy model", () => {
    const scenario = readScenario("alpha-large", "");
    expect(scenario.model).toBe("alpha-large");
    const faults = Object.entries(scenario).filter(([field, value]) => field !== "model" && value);
    expect(faults).toEqual([]);
  });

  it("reads faults from the name and from the header", () => {
    const scenario = readScenario("alpha-large+status-429+retry-after-7", "delay-0+no-usage");
    expect(scenario).toMatchObject({
      model: "alpha-large",
      status: 429,
      retryAfterSeconds: 7,
      tokenIntervalMs: 0,
      noUsage: true,
    });
  });

  it("lets the header, which is read last, decide", () => {
    expect(readScenario("m+tokens-5", "tokens-9").tokens).toBe(9);
  });

  it.each([
    "hangs",
    "status-200",
    "status-600",
    "status-",
    "status-5x3",
    "cut-after--1",
    "tokens-100001",
    "tokens-1e3",
    "constructor",
    "",
  ])("refuses %j and names what is known", (fault) => {
    expect(() => readScenario(`m+${fault}`, "")).toThrow(UnknownFault);
    expect(() => readScenario(`m+${fault}`, "")).toThrow("cut-after-N");
  });

  it("reads every fault that it says it knows", () => {
    for (const fault of knownFaults()) {
      const value = fault.startsWith("status-") ? "503" : "3";
      const named = fault.replace(/N$/, value);
      const scenario = Object.values(readScenario(`m+${named}`, ""));
      expect(
        scenario.filter((field) => field !== undefined && field !== false),
        named,
      ).toHaveLength(2);
    }
  });
});
