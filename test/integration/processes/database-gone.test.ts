import { fromJson } from "@bufbuild/protobuf";
import { ResourceSchema } from "@penstock/api";
import { askOverHttp, serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  askMany,
  endings,
  hardBudget,
  quick,
  quickCostNanoUsd,
  startFaultRig,
} from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// PostgreSQL is killed without a shutdown, then comes back. Fault table, row 14.

const patience = { timeout: 60_000, interval: 200 };
const testTimeoutMs = 120_000;

serverLane("nats").describe("PostgreSQL", () => {
  serverLane("postgres").describe("killed under a gateway that serves", suite);
});

function suite(): void {
  let rig: FaultRig;
  let asked = 0;

  beforeAll(async () => {
    rig = await startFaultRig({ ownPostgres: true });
  });
  afterAll(() => rig?.gateway.close());

  const team = fromJson(ResourceSchema, { team: { name: "teams/other" } });

  it("stops no request of a key without a quota; who needs one is served from leases or told so", async () => {
    // Quota knows all that was used, and more is lent than that.
    const isLentMore = async (): Promise<boolean> => {
      const { balance } = await rig.gateway.balances.getBalance({ quota: hardBudget });
      const { posted = 0n, leased = 0n } = balance ?? {};
      if (leased > 10n * quickCostNanoUsd) return posted === BigInt(asked) * quickCostNanoUsd;
      asked += endings(await askMany(rig.gateway, rig.hard, 60))["complete"] ?? 0;
      return false;
    };
    await expect.poll(isLentMore, patience).toBe(true);
    await rig.gateway.postgres.kill();
    const answers = await askMany(rig.gateway, rig.hard, 6);
    const { complete = 0, ...others } = endings(answers);
    asked += complete;
    expect(complete).toBeGreaterThan(0);
    expect(Object.keys(others).filter((reason) => reason !== "QUOTA_UNAVAILABLE")).toEqual([]);
    expect(endings(await askMany(rig.gateway, rig.free, 20))).toEqual({ complete: 20 });
  });

  it("refuses changes and questions with UNAVAILABLE, soon, and says so in readiness", async () => {
    const startMs = performance.now();
    const { control } = rig.gateway;
    await expect(control.resources.applyResources({ resources: [team] })).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
    await expect(control.usage.listUsageRecords({})).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
    expect(performance.now() - startMs).toBeLessThan(20_000);
    for (const name of ["policy", "quota", "telemetry"] as const) {
      const ready = async () => (await rig.gateway.role(name).look("/readyz")).status;
      await expect.poll(ready, patience).toBe(503);
      expect((await rig.gateway.role(name).look("/livez")).status).toBe(200);
      expect(rig.gateway.role(name).isRunning).toBe(true);
    }
    for (const name of ["router-1", "router-2"] as const) {
      expect((await rig.gateway.role(name).look("/readyz")).status).toBe(200);
    }
  });

  it(
    "loses nothing: what was used meanwhile is recorded and posted once it is back",
    async () => {
      await rig.gateway.postgres.restart();
      for (const name of ["policy", "quota", "telemetry"] as const) {
        await rig.gateway.role(name).untilReady();
      }
      const served = async (): Promise<string> => {
        const { end, error } = await askOverHttp(rig.gateway, rig.hard, quick);
        if (end === "complete") asked += 1;
        return error?.reason ?? end;
      };
      await expect.poll(served, patience).toBe("complete");
      const { revision } = await rig.gateway.control.resources.applyResources({
        resources: [team],
      });
      await rig.gateway.waitForRevision(revision);
      const balance = async () =>
        (await rig.gateway.balances.getBalance({ quota: hardBudget })).balance;
      await expect
        .poll(balance, patience)
        .toMatchObject({ posted: BigInt(asked) * quickCostNanoUsd, pending: 0n, overshoot: 0n });
    },
    testTimeoutMs,
  );
}
