import { openBus } from "@penstock/bus";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { expect, it, vi } from "vitest";
import { startConstellation } from "../constellation/constellation.ts";
import { projectManifest } from "../constellation/manifests.ts";
import { startNats } from "./nats.ts";
import { requestNats } from "./raw-nats.ts";
import { serverLane } from "./server-lane.ts";

serverLane("nats").describe("a configuration whose bus lost it", () => {
  it("is published again at once, after a restart with an empty store and after a deletion", async () => {
    const nats = await startNats();
    const penstock = await startConstellation({
      busUrl: nats.url,
      resources: () => projectManifest("alpha"),
    });
    const { logger } = silentObservability();
    const bus = await openBus({ url: nats.url, name: "test", clock: systemClock, logger });
    const keysOf = async () => (await bus.config.list()).map(({ key }) => key).toSorted();
    const before = await keysOf();
    expect(before).toContain("head");

    await nats.kill();
    await nats.restart({ store: "empty" });
    await vi.waitFor(async () => expect(await keysOf()).toEqual(before), 10_000);
    const { revision } = await penstock.apply(projectManifest("beta"));
    await vi.waitFor(async () => expect(await keysOf()).toContain("projects.beta"), 10_000);

    await requestNats(nats.url, "$JS.API.STREAM.DELETE.KV_penstock_config");
    await vi.waitFor(async () => expect(await keysOf()).toContain("projects.beta"), 20_000);
    await penstock.waitForRevision(revision);
    await penstock.issueKey("projects/beta/virtualKeys/late");
    await bus.close();
    await penstock.close();
    await nats.stop();
  }, 40_000);
});
