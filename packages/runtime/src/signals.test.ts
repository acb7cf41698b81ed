import { GatewayError } from "@penstock/errors";
import { describe, expect, it, vi } from "vitest";
import { deadlineSignal, linkSignals } from "./signals.ts";

describe("deadlineSignal", () => {
  it("aborts with DEADLINE_EXCEEDED", async () => {
    const signal = deadlineSignal(5);
    await vi.waitFor(() => expect(signal.aborted).toBe(true));
    expect(signal.reason).toBeInstanceOf(GatewayError);
    expect((signal.reason as GatewayError).reason).toBe("DEADLINE_EXCEEDED");
  });

  it("waits also for a time that is too long for a timer of Node, which would end at once", () => {
    vi.useFakeTimers();
    const signal = deadlineSignal(3_000_000_000);
    vi.advanceTimersByTime(60_000);
    expect(signal.aborted).toBe(false);
    vi.useRealTimers();
  });

  it("leaves no timer behind where the parent has ended already", () => {
    vi.useFakeTimers();
    deadlineSignal(60_000, AbortSignal.abort());
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("takes the reason of a parent that is first", () => {
    const parent = new AbortController();
    const signal = deadlineSignal(60_000, parent.signal);
    parent.abort("caller left");
    expect(signal.reason).toBe("caller left");
    expect(deadlineSignal(60_000, parent.signal).reason).toBe("caller left");
  });
});

describe("linkSignals", () => {
  it("aborts with the first one and skips absent ones", () => {
    const one = new AbortController();
    const two = new AbortController();
    const linked = linkSignals(one.signal, undefined, two.signal);
    expect(linked.aborted).toBe(false);
    two.abort("two");
    one.abort("one");
    expect(linked.reason).toBe("two");
    expect(linkSignals().aborted).toBe(false);
  });
});
