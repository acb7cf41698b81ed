import { projectManifest, serverLane, startServers } from "@penstock/test-support";
import type { ServersConstellation } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { changeTeam, untilInUse } from "../src/revisions.ts";

// The bus is the push, policy is the truth: routers ask it for its head when nobody pushes.

/** Decisions §7; an idle machine needs 3 s at most. */
const promisedMs = 10_000;
const slackMs = 20_000;

serverLane("nats").describe("a change while NATS is dead", () => {
  serverLane("postgres").describe("under policy and two routers", suite);
});

function suite(): void {
  let gateway: ServersConstellation;

  beforeAll(async () => {
    gateway = await startServers({ resources: () => projectManifest("p") });
  });
  afterAll(() => gateway?.close());

  it("is taken by policy, used by both routers, and pushed once NATS is back", async () => {
    await gateway.nats.kill();
    const startMs = performance.now();
    const { revision } = await changeTeam(gateway, "without a bus");
    const { tookMs, sources } = await untilInUse(gateway, revision, startMs);
    process.stdout.write(
      `in use without a bus after ${Math.round(tookMs)} ms (${promisedMs} promised)\n`,
    );
    expect(tookMs).toBeLessThan(promisedMs + slackMs);
    expect(sources).toEqual(["fetch", "fetch"]);
    // What routers report comes by calls.
    await gateway.waitForRevision(revision);
    await gateway.nats.restart();
    await gateway.waitForRevision((await changeTeam(gateway, "with a bus again")).revision);
  });
}
