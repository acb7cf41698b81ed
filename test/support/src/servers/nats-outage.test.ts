import { defaultTopology } from "@penstock/bus";
import { expect, it, vi } from "vitest";
import { startFaultProxy } from "../faults/fault-proxy.ts";
import {
  collectEntries,
  collectIds,
  connectBus,
  messageOf,
  openNatsBus,
} from "./nats-bus.fixture.ts";
import { startNats } from "./nats.ts";
import { requestNats } from "./raw-nats.ts";
import { serverLane } from "./server-lane.ts";

const usageStream = defaultTopology.usage.name;
const configStream = `KV_${defaultTopology.config.name}`;

serverLane("nats").describe("a NATS bus in trouble", () => {
  it("has everything again after the server came back with an empty store", async () => {
    const { server, bus, close } = await openNatsBus();
    const seen: string[] = [];
    const got: string[] = [];
    await collectEntries(bus, seen);
    await collectIds(bus, got);
    for (const key of ["a", "b", "c"]) await bus.config.put(key, Buffer.from("1"));
    await bus.usage.publish([messageOf("m")]);
    await vi.waitFor(() => expect([seen.length, got.length]).toEqual([3, 1]));
    await server.kill();
    await server.restart({ store: "empty" });
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    expect(await bus.config.get("a")).toBeUndefined();
    // A lower revision than the watch has seen, in a stream of another life.
    expect(await bus.config.put("a", Buffer.from("2"))).toBe(1n);
    expect(await bus.usage.publish([messageOf("m")])).toEqual([{ ok: true, duplicate: false }]);
    await vi.waitFor(() => expect(seen.slice(3)).toEqual(["a=2"]), 10_000);
    await vi.waitFor(() => expect(got).toEqual(["m", "m"]), 10_000);
    await close();
  });

  it("tells what changed after the store was rolled back, though the revisions went on", async () => {
    const { server, bus, close } = await openNatsBus();
    const seen: string[] = [];
    await collectEntries(bus, seen);
    await bus.config.put("kept", Buffer.from("1"));
    await bus.config.put("lost", Buffer.from("1"));
    await server.kill();
    server.keepStore();
    await server.restart();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    await bus.config.put("lost", Buffer.from("2"));
    await vi.waitFor(() => expect(seen).toEqual(["kept=1", "lost=1", "lost=2"]), 10_000);
    await server.kill();
    await server.restart({ store: "kept" });
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    // The lost write's revision is used again, and more.
    for (const key of ["x", "y"]) await bus.config.put(key, Buffer.from("1"));
    await vi.waitFor(() => expect(seen.slice(-2)).toEqual(["x=1", "y=1"]), 10_000);
    expect(seen.slice(3)).toEqual(["lost=1", "x=1", "y=1"]);
    await close();
  }, 40_000);

  it("tells in order, once, what was written while it was cut off", async () => {
    const { server, bus, close } = await openNatsBus();
    const { hostname, port } = new URL(server.url);
    const proxy = await startFaultProxy({ target: `${hostname}:${port}` });
    const cut = await connectBus({ url: `nats://${proxy.address}` });
    const seen: string[] = [];
    await collectEntries(cut, seen);
    await bus.config.put("a", Buffer.from("1"));
    await bus.config.put("head", Buffer.from("1"));
    await vi.waitFor(() => expect(seen).toEqual(["a=1", "head=1"]));
    proxy.resetAll();
    for (const value of ["2", "3"]) {
      await bus.config.put("b", Buffer.from(value));
      await bus.config.put("head", Buffer.from(value));
    }
    await bus.config.delete("a");
    await vi.waitFor(() => expect(seen.at(-1)).toBe("-a"), 10_000);
    expect(seen.filter((entry) => entry === "b=3" || entry === "head=3")).toEqual([
      "b=3",
      "head=3",
    ]);
    expect(new Set(seen).size).toBe(seen.length);
    await cut.close();
    await proxy.close();
    await close();
  });

  it("makes again what was deleted under it", async () => {
    const { server, bus, close } = await openNatsBus();
    const seen: string[] = [];
    const got: string[] = [];
    await collectEntries(bus, seen);
    await collectIds(bus, got);
    await requestNats(server.url, `$JS.API.STREAM.DELETE.${usageStream}`);
    await requestNats(server.url, `$JS.API.STREAM.DELETE.${configStream}`);
    const [gone] = await bus.usage.publish([messageOf("m")]);
    expect(gone).toMatchObject({
      ok: false,
      error: { reason: "UNAVAILABLE", metadata: { missingStream: usageStream } },
    });
    const publish = async () => (await bus.usage.publish([messageOf("m")]))[0]?.ok;
    await vi.waitFor(async () => expect(await publish()).toBe(true), 5_000);
    await bus.config.put("a", Buffer.from("1"));
    await vi.waitFor(() => expect(seen).toEqual(["a=1"]), 15_000);
    await vi.waitFor(() => expect(got).toEqual(["m"]), 15_000);
    await close();
  }, 40_000);

  it("leaves a stream alone that is not its own, and says what differs", async () => {
    const server = await startNats();
    const config = { name: usageStream, subjects: ["usage.v1.>"], retention: "limits" };
    const body = JSON.stringify(config);
    await requestNats(server.url, `$JS.API.STREAM.CREATE.${usageStream}`, body);
    const lines: string[] = [];
    const note = (message: string, fields?: Record<string, unknown>): void =>
      void lines.push(`${message} ${String(fields?.["problem"] ?? "")}`);
    const logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
    const bus = await connectBus(server, { logger });
    expect(lines.join("\n")).toContain("retention is limits, Penstock needs interest");
    await bus.config.put("a", new Uint8Array(1));
    await bus.close();
    await server.stop();
  });

  it("brings limits up to date, but never below what is stored", async () => {
    const { server, bus, close } = await openNatsBus(defaultTopology);
    await bus.config.put("a", new Uint8Array(200_000));
    const limitsOf = async () => {
      const answer = await requestNats(server.url, `$JS.API.STREAM.INFO.${configStream}`);
      return (JSON.parse(answer) as { config: Record<string, unknown> }).config;
    };
    const { config } = defaultTopology;
    expect(await limitsOf()).toMatchObject({ max_bytes: config.maxBytes, discard: "new" });
    const smaller = { ...config, maxBytes: 100_000, maxEntries: 7 };
    const other = await connectBus(server, { topology: { ...defaultTopology, config: smaller } });
    expect(await limitsOf()).toMatchObject({ max_bytes: config.maxBytes, max_msgs: 7 });
    expect((await other.config.get("a"))?.value.byteLength).toBe(200_000);
    await other.close();
    await close();
  });
});
