import { describe, expect, it } from "vitest";
import { knownFaults } from "./fault-names.ts";
import { readScenario, scenarioOfCount, scenarioOfTurn, UnknownFault } from "./scenario.ts";

describe("readScenario", () => {
  it("takes a plain name as a healthy model", () => {
    expect(readScenario("alpha-large", "")).toEqual({ model: "alpha-large" });
  });

  it("reads faults from the name and from the header", () => {
    const scenario = readScenario("m+status-429+retry-after-7", "delay-0+no-usage");
    expect(scenario).toEqual({
      model: "m",
      status: 429,
      retryAfterSeconds: 7,
      tokenIntervalMs: 0,
      noUsage: true,
    });
  });

  it("tells faults apart whose names begin alike", () => {
    const { model, ...waits } = readScenario("m+retry-after-ms-9+retry-after-date-8", "");
    expect(waits).toEqual({ retryAfterMs: 9, retryAfterDateSeconds: 8 });
    expect(readScenario("m+rejects-prefill", "")).toEqual({ model, rejectsPrefill: true });
    expect(readScenario("m+rejects-top_k", "")).toEqual({ model, rejects: "top_k" });
  });

  it("keeps what is for counting alone apart", () => {
    const scenario = readScenario("m+delay-0+count-hang", "count-retry-after-7");
    const common = { model: "m", tokenIntervalMs: 0 };
    expect(scenario).toEqual({ ...common, counting: { hang: true, retryAfterSeconds: 7 } });
    expect(scenarioOfCount(scenario)).toEqual({ ...common, hang: true, retryAfterSeconds: 7 });
    expect(() => readScenario("m+count-nonsense", "")).toThrow(UnknownFault);
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
    "first-0",
    "rejects-",
    "rejects-a b",
    "constructor",
    "",
  ])("refuses %j and names what is known", (fault) => {
    expect(() => readScenario(`m+${fault}`, "")).toThrow(UnknownFault);
    expect(() => readScenario(`m+${fault}`, "")).toThrow("cut-after-N");
  });

  it("reads every fault that it says it knows", () => {
    for (const fault of knownFaults()) {
      const value = fault.startsWith("status-") ? "503" : "3";
      const named = fault
        .replace(/-N$/, `-${value}`)
        .replace(/FIELD$/, "seed")
        .replace("FAULT", "hang");
      expect(Object.keys(readScenario(`m+${named}`, "")), named).toHaveLength(2);
    }
  });
});

describe("scenarioOfTurn", () => {
  const turns = (name: string): boolean[] =>
    [1, 2, 3, 4].map((turn) => scenarioOfTurn(readScenario(name, ""), turn).status === 500);

  it("has faults in every call, unless it says otherwise", () => {
    expect(turns("m+status-500")).toEqual([true, true, true, true]);
    expect(turns("m+status-500+first-2")).toEqual([true, true, false, false]);
    expect(turns("m+status-500+every-2")).toEqual([false, true, false, true]);
    expect(turns("m+status-500+every-2+first-3")).toEqual([false, true, false, false]);
  });

  it("keeps what is no fault", () => {
    const scenario = readScenario("m+first-1+hang+tokens-3+delay-0+rpm-5+cut-after-1", "");
    const healthy = { model: "m", tokens: 3, tokenIntervalMs: 0, requestsPerMinute: 5 };
    expect(scenarioOfTurn(scenario, 2)).toEqual(healthy);
  });
});
