import { serverLane } from "@penstock/test-support";
import type { RoleName } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endings, hardBudget, quick, quickCostNanoUsd, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";
import { SteadyCallers } from "../src/steady-callers.ts";

// Telemetry and quota die again and again while events arrive, some between their commit and their
// acknowledgement; each event counts once. Fault table, row 46.

const patience = { timeout: 90_000, interval: 300 };
const testTimeoutMs = 180_000;
const rounds = 4;

serverLane("nats").describe("consumers of usage events", () => {
  serverLane("postgres").describe("killed at any moment", suite);
});

function suite(): void {
  let rig: FaultRig;

  beforeAll(async () => {
    rig = await startFaultRig();
  });
  afterAll(() => rig?.gateway.close());

  it("count every request once", { timeout: testTimeoutMs }, async () => {
    const load = new SteadyCallers(rig.gateway, rig.hard, {
      question: quick,
      callers: 6,
      pauseMs: 50,
    });
    for (let round = 0; round < rounds; round += 1) {
      for (const name of ["telemetry", "quota"] as const) await killWhileBusy(name, load);
    }
    const answers = await load.stop();
    const { complete = 0, ...others } = endings(answers);
    expect(complete).toBeGreaterThan(rounds * 20);
    expect(Object.keys(others).filter((reason) => reason !== "QUOTA_UNAVAILABLE")).toEqual([]);
    await expect.poll(async () => (await sums()).completed, patience).toBe(complete);
    // Refused requests have a record, too, and it may be on its way still.
    await expect.poll(async () => (await sums()).requests, patience).toBe(answers.length);
    const { costNanoUsd } = await sums();
    expect(costNanoUsd).toBe(BigInt(complete) * quickCostNanoUsd);
    const balance = async () =>
      (await rig.gateway.balances.getBalance({ quota: hardBudget })).balance;
    await expect
      .poll(balance, patience)
      .toMatchObject({ posted: BigInt(complete) * quickCostNanoUsd, pending: 0n, overshoot: 0n });
  });

  /** After some more answers, whose events are on their way just then. */
  async function killWhileBusy(name: RoleName, load: SteadyCallers): Promise<void> {
    const before = load.answers.length;
    await expect
      .poll(() => load.answers.length, { timeout: 20_000, interval: 3 })
      .toBeGreaterThan(before + 20);
    await rig.gateway.role(name).kill();
    rig.gateway.role(name).start();
    await rig.gateway.role(name).untilReady();
  }

  /** What the roll-ups say; that each record is there once is an invariant of every gateway. */
  async function sums() {
    const filter = { virtualKey: "projects/p/virtualKeys/hard" };
    const { total } = await rig.gateway.control.usage.queryUsage({ filter });
    return {
      requests: Number(total?.requests ?? 0n),
      completed: Number(total?.completedRequests ?? 0n),
      costNanoUsd: total?.costNanoUsd ?? 0n,
    };
  }
}
