import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { ManualClock } from "@penstock/runtime";
import { describe, expect, it, vi } from "vitest";

import { withDeadline } from "./call-deadline.ts";

/** The engine's own; there is none without the flag. */
function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

describe("a call with a deadline", () => {
  it("ends with the outer signal or after 5 s, and the call hears of it", async () => {
    const clock = new ManualClock();
    const outer = new AbortController();
    const inner: AbortSignal[] = [];
    const hang = (signal: AbortSignal) => {
      inner.push(signal);
      return new Promise<never>(() => undefined);
    };
    const late = withDeadline(hang, clock, outer.signal);
    clock.advance(5_000);
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    const cut = withDeadline(hang, clock, outer.signal);
    outer.abort("closed");
    await expect(cut).rejects.toBe("closed");
    await expect(withDeadline(hang, clock, outer.signal)).rejects.toBe("closed");
    expect(inner.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it("leaves nothing behind, whatever the call leaves on its signal", async () => {
    const collect = garbageCollector();
    const outer = new AbortController();
    const ended: WeakRef<object>[] = [];
    const call = async (): Promise<void> => {
      const page = { entries: new Uint8Array(1_000) };
      ended.push(new WeakRef(page));
      const run = (signal: AbortSignal): Promise<object> => {
        signal.addEventListener("abort", () => page.entries.fill(0));
        return Promise.resolve(page);
      };
      await withDeadline(run, new ManualClock(), outer.signal);
    };
    for (let count = 0; count < 20; count += 1) await call();
    expect(getEventListeners(outer.signal, "abort")).toEqual([]);
    await vi.waitFor(() => {
      collect();
      expect(ended.filter((page) => page.deref() !== undefined)).toEqual([]);
    });
  });
});
