import { describe, expect, it } from "vitest";
import { CallLog } from "./call-log.ts";

const call = {
  vendor: "alpha",
  model: "alpha-large",
  format: "openai-chat",
  requestId: "r1.1",
  stream: false,
  messageSha256: "",
  inputTokens: 1,
  startTime: "",
};

describe("CallLog", () => {
  it("numbers calls and finds those of one request", () => {
    const log = new CallLog();
    log.begin(call);
    log.begin({ ...call, requestId: "r2.1" });
    log.begin({ ...call, requestId: "r1.2" });
    expect(log.list("r1.").map(({ number }) => number)).toEqual([1, 3]);
    expect(log.list()).toHaveLength(3);
  });

  it("forgets the oldest calls, and goes on counting after it was cleared", () => {
    const log = new CallLog();
    for (let made = 0; made < 10_001; made += 1) log.begin(call);
    expect(log.list()).toHaveLength(10_000);
    expect(log.list()[0]?.number).toBe(2);
    log.clear();
    expect(log.list()).toEqual([]);
    expect(log.begin(call).number).toBe(10_002);
  });
});
