import { HealthRegistry, ManualClock } from "@penstock/runtime";
import { describe, expect, it, vi } from "vitest";
import type { BuiltRoles } from "./build-roles.ts";
import { stopRoles } from "./stop-roles.ts";

const graceMs = 5_000;
const deadlineMs = 30_000;

/** A process with policy alone, whose port has an open call until it is cut off or `endCall`. */
function startPolicy() {
  const clock = new ManualClock();
  const told: string[] = [];
  const health = new HealthRegistry(["database"]);
  health.set("database", "ready");
  const { promise: open, resolve: endCall } = Promise.withResolvers<void>();
  const policy = {
    health,
    endWaits: () => void told.push("waits end"),
    drain: (restMs: number) => Promise.resolve(void told.push(`drain ${restMs}`)),
  };
  const close = (restMs: number): Promise<void> => {
    told.push(`close ${restMs}`);
    clock.schedule(restMs, endCall);
    return open;
  };
  const hurry = new AbortController();
  const parts = new AsyncDisposableStack();
  parts.defer(() => void told.push("parts"));
  const built = { policy } as unknown as BuiltRoles;
  const settings = { roles: ["policy"] as const };
  const stop = () =>
    stopRoles(parts, built, {
      settings,
      clock,
      control: { close },
      deadlineMs,
      hurry: hurry.signal,
    });
  return { clock, told, health, endCall, hurry, stop };
}

describe("stopRoles", () => {
  it("says so at once, accepts for the grace, and stops services after the last call", async () => {
    const { clock, told, health, endCall, stop } = startPolicy();
    const stopped = stop();
    expect(health.ready()).toBe(false);
    expect(told).toEqual(["waits end"]);
    clock.advance(graceMs - 1);
    await Promise.resolve();
    expect(told).toEqual(["waits end"]);
    clock.advance(1);
    await vi.waitFor(() => expect(told).toContain(`close ${deadlineMs - graceMs}`));
    clock.advance(10_000);
    endCall();
    await stopped;
    expect(told.slice(2)).toEqual([`drain ${deadlineMs - graceMs - 10_000}`, "parts"]);
  });

  it("cuts calls off at the deadline, whatever they do", async () => {
    const { clock, told, stop } = startPolicy();
    const stopped = stop();
    clock.advance(graceMs);
    await vi.waitFor(() => expect(told).toContain(`close ${deadlineMs - graceMs}`));
    clock.advance(deadlineMs - graceMs);
    await stopped;
    expect(told.at(-1)).toBe("parts");
  });

  it("waits neither for the grace nor for calls where somebody hurries", async () => {
    for (const isEarly of [true, false]) {
      const { clock, told, hurry, stop } = startPolicy();
      const stopped = stop();
      if (!isEarly) {
        clock.advance(graceMs);
        await vi.waitFor(() => expect(told).toHaveLength(2));
      }
      hurry.abort();
      await vi.waitFor(() => expect(told).toContain("close 1000"));
      clock.advance(1_000);
      await stopped;
      expect(told.at(-1)).toBe("parts");
    }
  });
});
