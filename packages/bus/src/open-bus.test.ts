import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { openBus } from "./open-bus.ts";

/** What the NATS client waits for a server that accepts and says nothing. */
const attemptMs = 3_000;

describe("opening the bus", () => {
  it("waits for a silent server no longer than its opener will", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const startMs = performance.now();
    const bus = await openBus({
      url: `nats://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      name: "test",
      patienceMs: 50,
      clock: systemClock,
      logger: silentObservability().logger,
    });
    expect(performance.now() - startMs).toBeLessThan(attemptMs - 500);
    expect(bus.connected()).toBe(false);
    await expect(bus.config.get("head")).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    for (const socket of sockets) socket.destroy();
    silent.close();
    await bus.close();
  });
});
