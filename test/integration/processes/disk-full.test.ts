import { rmdirSync, symlinkSync } from "node:fs";
import { RequestOutcome } from "@penstock/api";
import { askOverHttp, deploymentManifest, routeManifest, serverLane } from "@penstock/test-support";
import type { Question, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { faultManifests, quick, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";
import { canMount, mountSmallDisk } from "../src/small-disk.ts";
import type { SmallDisk } from "../src/small-disk.ts";

// The disk of a router is full, then has room again. Fault table, row 36.

const patience = { timeout: 30_000, interval: 100 };
const testTimeoutMs = 90_000;
const diskBytes = 48 * 1024 * 1024;
const streams = 8;
/** 120 tokens in 6 s. */
const model = "alpha-large+slow-first-token-0+delay-50+tokens-120";
const medium: Question = { model: "medium", prompt: "go on", stream: true };

const mayMount = canMount();
serverLane("nats").describe("the full disk of a router", () => {
  serverLane("postgres").describe("while it serves", suite);
});

function suite(): void {
  let rig: FaultRig;
  let disk: SmallDisk | undefined;

  beforeAll(async () => {
    if (!mayMount) return;
    rig = await startFaultRig({
      workers: [1, 1],
      notStarted: ["router-1"],
      resources: (url) =>
        faultManifests(url) +
        deploymentManifest("medium", "v", model) +
        routeManifest("medium", ["medium"]),
      exempt: { I3: "what is refused for a full disk has no record" },
    });
    disk = mountSmallDisk(diskBytes);
    const router = rig.gateway.role("router-1");
    // A link, so that whoever removes the folder meets no mount.
    rmdirSync(router.folder);
    symlinkSync(disk.folder, router.folder);
    router.start();
    await router.untilReady();
  });
  afterAll(async () => {
    try {
      await rig?.gateway.close();
    } finally {
      disk?.remove();
    }
  });

  async function ask(router: 0 | 1, question: Question = quick): Promise<Transcript> {
    const door = rig.gateway.routers[router];
    if (door === undefined) throw new TypeError("there are two routers");
    return await askOverHttp(door, rig.free, question);
  }

  const endOf = ({ end, error }: Transcript): string => error?.reason ?? end;

  /** Streams of which some has come when the disk is filled; nothing new begins from then on. */
  async function fillUnderStreams(): Promise<{ readonly running: Promise<Transcript[]> }> {
    const before = rig.gateway.simulator.calls.list().length;
    const running = Promise.all(Array.from({ length: streams }, () => ask(0, medium)));
    const begun = (): number =>
      rig.gateway.simulator.calls
        .list()
        .slice(before)
        .filter(({ sentTokens }) => sentTokens > 5).length;
    await expect.poll(begun, patience).toBe(streams);
    disk?.fill();
    // The page that was begun has room for some more.
    await expect.poll(async () => endOf(await ask(0)), patience).toBe("METERING_UNAVAILABLE");
    return { running };
  }

  /** Each has one record, which says that it was answered. */
  async function expectRecorded(answers: readonly Transcript[]): Promise<void> {
    const filter = { virtualKey: "projects/p/virtualKeys/free", model: "medium" };
    const ids = new Set(answers.map(({ requestId }) => requestId));
    const outcomes = async () => {
      const page = await rig.gateway.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
      return page.usageRecords
        .filter(({ event }) => ids.has(event?.requestId ?? ""))
        .map(({ event }) => event?.outcome);
    };
    await expect.poll(outcomes, patience).toHaveLength(streams);
    expect(new Set(await outcomes())).toEqual(new Set([RequestOutcome.COMPLETED]));
  }

  it.skipIf(!mayMount)(
    "refuses what begins, lets end what runs, and recovers without a restart",
    async () => {
      const { running } = await fillUnderStreams();
      const refused = await ask(0);
      expect(refused).toMatchObject({ status: 503, error: { reason: "METERING_UNAVAILABLE" } });
      expect(endOf(await ask(1))).toBe("complete");
      const answers = await running;
      expect(answers.map(endOf)).toEqual(answers.map(() => "complete"));
      disk?.empty();
      await expect.poll(async () => endOf(await ask(0)), patience).toBe("complete");
      await expectRecorded(answers);
    },
    testTimeoutMs,
  );

  it.skipIf(!mayMount)(
    "keeps the ends of what ran also when the bus is away and the router is killed",
    async () => {
      await rig.gateway.nats.kill();
      const { running } = await fillUnderStreams();
      const answers = await running;
      expect(answers.map(endOf)).toEqual(answers.map(() => "complete"));
      await rig.gateway.role("router-1").kill();
      disk?.empty();
      await rig.gateway.nats.restart();
      await rig.gateway.role("router-1").restart();
      await expectRecorded(answers);
    },
    testTimeoutMs,
  );
}
