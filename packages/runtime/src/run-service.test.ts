import { EventEmitter } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { runService } from "./run-service.ts";
import type { RunServiceOptions } from "./run-service.ts";

class FakeHost extends EventEmitter {
  readonly codes: number[] = [];
  exit(code: number): void {
    this.codes.push(code);
  }
}

function setUp(parts: Partial<RunServiceOptions> = {}) {
  const host = new FakeHost();
  const clock = new ManualClock();
  const logged: string[] = [];
  const log = (message: string): number => logged.push(message);
  const running = runService({
    start: async () => {},
    drain: async () => {},
    logger: { info: log, error: log },
    clock,
    host,
    ...parts,
  });
  return { host, clock, logged, running };
}

const forever = (): Promise<void> => new Promise(() => {});

describe("runService", () => {
  it.each(["SIGTERM", "SIGINT"])("drains on %s and exits with 0", async (signal) => {
    const drain = vi.fn(async () => {});
    const { host, logged, running, clock } = setUp({ drain, drainTimeoutMs: 7_000 });
    await vi.waitFor(() => expect(logged).toContain("service started"));
    expect(drain).not.toHaveBeenCalled();
    host.emit(signal);
    expect(await running).toBe(0);
    expect(drain).toHaveBeenCalledWith(7_000, expect.any(AbortSignal));
    expect(host.codes).toEqual([0]);
    expect(host.eventNames()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("exits with 1 when start fails", async () => {
    const start = () => Promise.reject(new Error("port busy"));
    const { logged, running } = setUp({ start });
    expect(await running).toBe(1);
    expect(logged).toEqual(["service did not start"]);
  });

  it("exits with the code of whoever knows why it did not start, and logs nothing", async () => {
    const start = () => Promise.reject(new Error("wrong setting"));
    const known = setUp({ start, onNotStarted: () => 2 });
    expect(await known.running).toBe(2);
    expect(known.logged).toEqual([]);
    const unknown = setUp({ start, onNotStarted: () => undefined });
    expect(await unknown.running).toBe(1);
    expect(unknown.logged).toEqual(["service did not start"]);
  });

  it("asked to end while starting, aborts the start and still drains", async () => {
    const drain = vi.fn(async () => {});
    const start = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const { host, running } = setUp({ start, drain });
    host.emit("SIGTERM");
    expect(await running).toBe(0);
    expect(drain).toHaveBeenCalledOnce();
  });

  it("gives up when the drain deadline passes", async () => {
    const { host, clock, logged, running } = setUp({ drain: forever, drainTimeoutMs: 10_000 });
    host.emit("SIGTERM");
    await vi.waitFor(() => expect(logged).toContain("draining"));
    clock.advance(11_000);
    expect(await running).toBe(1);
  });

  it("shortens the rest to five seconds at the second signal", async () => {
    let hurried = false;
    const drain = (_deadlineMs: number, hurry: AbortSignal): Promise<void> => {
      hurry.addEventListener("abort", () => (hurried = true));
      return forever();
    };
    const { host, clock, logged, running } = setUp({ drain });
    host.emit("SIGTERM");
    await vi.waitFor(() => expect(logged).toContain("draining"));
    host.emit("SIGINT");
    expect(hurried).toBe(true);
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    clock.advance(5_000);
    expect(await running).toBe(1);
  });

  it.each(["SIGTERM", "SIGINT"])("takes a %s that a launcher hands on for one", async (signal) => {
    let hurried = 0;
    const drain = (_deadlineMs: number, hurry: AbortSignal): Promise<void> => {
      hurry.addEventListener("abort", () => (hurried += 1));
      return forever();
    };
    const { host, clock, logged, running } = setUp({ drain, hurriedDrainMs: 9_000 });
    host.emit(signal);
    await vi.waitFor(() => expect(logged).toContain("draining"));
    clock.advance(400);
    host.emit(signal);
    expect(hurried).toBe(0);
    clock.advance(500);
    host.emit(signal);
    expect(hurried).toBe(1);
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    clock.advance(8_000);
    expect(host.codes).toEqual([]);
    clock.advance(1_000);
    expect(await running).toBe(1);
  });

  it.each(["uncaughtException", "unhandledRejection"])("ends at once on %s", async (event) => {
    const { host, running } = setUp({ drain: forever });
    host.emit(event, new Error("bug"));
    expect(await running).toBe(1);
  });

  it("exits with 1 when drain fails", async () => {
    const { host, running } = setUp({ drain: () => Promise.reject(new Error("stuck")) });
    host.emit("SIGTERM");
    expect(await running).toBe(1);
  });
});
