import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";
import { changeTeam } from "../src/revisions.ts";

// A router that dies three times right after it put a revision in use goes back to the one before,
// and says so; a newer one is used again. Fault table, row 43.

const patience = { timeout: 30_000, interval: 100 };
const testTimeoutMs = 120_000;
/** See `crash-guard.ts`; each within 10 s of its use. */
const deaths = 3;
const mostStarts = 6;

serverLane("nats").describe("a revision with which a router dies three times", () => {
  serverLane("postgres").describe("while the other router lives", suite);
});

function suite(): void {
  let rig: FaultRig;

  beforeAll(async () => {
    rig = await startFaultRig({ workers: [1, 1] });
  });
  afterAll(() => rig?.gateway.close());

  const first = () => rig.gateway.role("router-1");

  async function revisions(): Promise<readonly bigint[]> {
    const infos = await Promise.all(
      rig.gateway.routers.map(({ client }) => client.getSnapshotInfo({})),
    );
    return infos.map(({ status }) => status?.appliedRevision ?? 0n);
  }

  async function refusedByFirst(): Promise<readonly string[]> {
    const { routers } = await rig.gateway.control.rollout.listRouters({});
    const status = routers.find(({ replica }) => replica === "router-1");
    return status?.refused.flatMap(({ problems }) => problems) ?? [];
  }

  it(
    "is put aside by it for the one before, until there is a newer one",
    async () => {
      const { revision: good } = await changeTeam(rig.gateway, "before the bad one");
      await rig.gateway.waitForRevision(good);
      const { revision: bad } = await changeTeam(rig.gateway, "the bad one");
      await rig.gateway.waitForRevision(bad);
      const used: bigint[] = [];
      while (used.at(-1) !== good && used.length < mostStarts) {
        await first().restart();
        const [own = 0n] = await revisions();
        used.push(own);
      }
      // The first death may have come too late to count, on a machine that others use.
      expect(used.length).toBeGreaterThanOrEqual(deaths);
      expect(used).toEqual([...Array.from({ length: used.length - 1 }, () => bad), good]);
      // The bus and policy name the bad one as the newest; it is not taken from there either.
      await expect
        .poll(refusedByFirst, patience)
        .toEqual([expect.stringMatching(/^crash_suspected/)]);
      expect(await revisions()).toEqual([good, bad]);
      const { revision: mended } = await changeTeam(rig.gateway, "the mended one");
      await expect.poll(revisions, patience).toEqual([mended, mended]);
      await expect.poll(refusedByFirst, patience).toEqual([]);
    },
    testTimeoutMs,
  );
}
