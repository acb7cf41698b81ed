import { expect, it, vi } from "vitest";
import { collectEntries, collectIds, connectBus, messageOf } from "./nats-bus.fixture.ts";
import { startNatsCluster } from "./nats-cluster.ts";
import { serverLane } from "./server-lane.ts";

serverLane("nats").describe("a NATS cluster", () => {
  it("keeps three copies and goes on when the leader of the configuration is killed", async () => {
    const cluster = await startNatsCluster();
    const [writer, reader] = await Promise.all([connectBus(cluster), connectBus(cluster)]);
    const seen: string[] = [];
    const got: string[] = [];
    await Promise.all([collectEntries(reader, seen), collectIds(reader, got)]);
    await writer.config.put("head", Buffer.from("1"));
    await writer.usage.publish([messageOf("before")]);
    await vi.waitFor(() => expect([seen, got]).toEqual([["head=1"], ["before"]]), 5_000);

    const leader = await cluster.leaderOf("KV_penstock_config");
    await cluster.servers.get(leader)?.kill();
    const put = () => writer.config.put("head", Buffer.from("2"));
    await vi.waitFor(put, { timeout: 20_000, interval: 100 });
    await vi.waitFor(() => expect(seen.at(-1)).toBe("head=2"), 10_000);

    const publish = async () => (await writer.usage.publish([messageOf("after")]))[0]?.ok;
    await vi.waitFor(async () => expect(await publish()).toBe(true), 10_000);
    await vi.waitFor(() => expect(new Set(got)).toEqual(new Set(["before", "after"])), 15_000);
    await Promise.all([writer.close(), reader.close()]);
    await cluster.stop();
  }, 60_000);
});
