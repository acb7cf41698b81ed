import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, it, vi } from "vitest";
import { collectEntries, collectIds, openBusOn, messageOf } from "./nats-bus.fixture.ts";
import { startNats } from "./nats.ts";
import { serverLane } from "./server-lane.ts";

/** Greets like a NATS server of a version and answers nothing. */
async function startImpostor(version: string) {
  const info = { server_id: "X", version, proto: 1, headers: true, max_payload: 1e6 };
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (chunk) => String(chunk).includes("PING") && socket.write("PONG\r\n"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `nats://127.0.0.1:${port}`, stop: () => server.close() };
}

serverLane("nats").describe("a NATS bus that starts before its server", () => {
  it("makes what another process owns only after some seconds", async () => {
    const server = await startNats();
    const bus = await openBusOn(server, { owns: [] });
    const put = () => bus.config.put("a", new Uint8Array(1));
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    await expect(put()).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    await vi.waitFor(put, { timeout: 20_000, interval: 200 });
    await bus.close();
    await server.stop();
  });

  it("waits for its owner, so that a watch begins without trouble", async () => {
    const server = await startNats();
    const opening = openBusOn(server, { owns: [] });
    const owner = await openBusOn(server);
    const bus = await opening;
    const problems: unknown[] = [];
    await collectEntries(bus, [], problems);
    await owner.config.put("a", new Uint8Array(1));
    expect((await bus.config.list()).map(({ key }) => key)).toEqual(["a"]);
    expect(problems).toEqual([]);
    await Promise.all([bus.close(), owner.close()]);
    await server.stop();
  });

  it("fails at once, then everything comes up when the server does", async () => {
    const server = await startNats();
    await server.kill();
    const bus = await openBusOn(server);
    const seen: string[] = [];
    const problems: unknown[] = [];
    const got: string[] = [];
    const watch = await collectEntries(bus, seen, problems);
    await collectIds(bus, got);
    const beganMs = performance.now();
    const away = { reason: "UNAVAILABLE" };
    await expect(bus.config.put("a", new Uint8Array(1))).rejects.toMatchObject(away);
    await expect(bus.config.get("a")).rejects.toMatchObject(away);
    await expect(bus.config.list()).rejects.toMatchObject(away);
    expect(await bus.usage.publish([messageOf("m")])).toMatchObject([{ ok: false, error: away }]);
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    expect(problems).toMatchObject([away]);
    expect(bus.connected()).toBe(false);

    await server.restart();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    await bus.config.put("a", Buffer.from("1"));
    expect(await bus.usage.publish([messageOf("m")])).toEqual([{ ok: true, duplicate: false }]);
    await vi.waitFor(() => expect([seen, got]).toEqual([["a=1"], ["m"]]), 10_000);
    await watch.close();
    await bus.close();
    await server.stop();
  });

  it("closes quickly without a server", async () => {
    const bus = await openBusOn({ url: "nats://127.0.0.1:1" });
    await collectEntries(bus, []);
    await collectIds(bus, []);
    const beganMs = performance.now();
    await bus.close();
    expect(performance.now() - beganMs).toBeLessThan(2_500);
    const closed = { reason: "UNAVAILABLE", message: "the bus was closed" };
    await expect(bus.config.get("a")).rejects.toMatchObject(closed);
  });

  it("says which version is needed", async () => {
    const impostor = await startImpostor("2.8.4");
    const bus = await openBusOn(impostor);
    const message = "NATS 2.9.0 or newer is needed, this server is 2.8.4";
    const old = { reason: "FAILED_PRECONDITION", message };
    await expect(bus.config.get("a")).rejects.toMatchObject(old);
    await bus.close();
    impostor.stop();
  });
});
