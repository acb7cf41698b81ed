import { expect, it, vi } from "vitest";
import { collectEntries, messageOf, openNatsBus } from "./nats-bus.fixture.ts";
import { serverLane } from "./server-lane.ts";

serverLane("nats").describe("a NATS bus whose server falls silent", () => {
  it("notices within 20 s that the server is silent on an open connection", async () => {
    const { server, bus, close } = await openNatsBus();
    const seen: string[] = [];
    await collectEntries(bus, seen);
    await bus.config.put("a", Buffer.from("1"));
    await vi.waitFor(() => expect(seen).toEqual(["a=1"]));
    server.pause();
    // More than the sockets take: a farewell would wait behind it.
    const payload = new Uint8Array(200_000);
    const batch = Array.from({ length: 40 }, (_, index) => ({ ...messageOf(`${index}`), payload }));
    const publishing = bus.usage.publish(batch);
    await vi.waitFor(() => expect(bus.connected()).toBe(false), { timeout: 20_000, interval: 50 });
    const results = await publishing;
    expect(results.map((result) => result.ok)).toEqual(batch.map(() => false));
    server.resume();
    await vi.waitFor(() => bus.config.put("a", Buffer.from("2")), 10_000);
    await vi.waitFor(() => expect(seen).toEqual(["a=1", "a=2"]), 10_000);
    await close();
  }, 60_000);
});
