import { fromJson } from "@bufbuild/protobuf";
import { ResourceSchema } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { holdTables, serverLane } from "@penstock/test-support";
import type { HeldTables } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askMany, endings, hardBudget, quickCostNanoUsd, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// Somebody keeps locks in PostgreSQL on what every service needs. Fault table, row 16.

const patience = { timeout: 60_000, interval: 200 };
const testTimeoutMs = 120_000;
/** One of each service, so that nobody of them gets past. */
const locked = ["policy.resource", "quota.accounts", "telemetry.records"];
const pools = ["penstock-policy", "penstock-quota", "penstock-telemetry"];
/** Of each pool, see `pool-settings.ts`. */
const mostSessions = 10;
const atOnce = 40;
/** They go one after the other, and each waits 2 s for the locks. */
const changesAtOnce = 3;
/** For them, and for others 2 s for a connection and 500 ms for the lock; a machine may be busy. */
const refusedWithinMs = 9_000;

serverLane("nats").describe("tables of every service are locked", () => {
  serverLane("postgres").describe("under a gateway that serves", suite);
});

function suite(): void {
  let rig: FaultRig;

  beforeAll(async () => {
    rig = await startFaultRig();
  });
  afterAll(() => rig?.gateway.close());

  const team = (id: string) => fromJson(ResourceSchema, { team: { name: `teams/${id}` } });

  /** The reason of its failure, and how long it took; `answered` where there was none. */
  async function outcomeOf(call: Promise<unknown>) {
    const startMs = performance.now();
    const reason = await call.then(
      () => "answered",
      (error: unknown) => (error instanceof GatewayError ? error.reason : String(error)),
    );
    return { reason, tookMs: performance.now() - startMs };
  }

  it(
    "refuses in time what needs them, piles nothing up, and loses nothing",
    async () => {
      const { control } = rig.gateway;
      expect(endings(await askMany(rig.gateway, rig.hard, 10))).toEqual({ complete: 10 });
      const held = await holdTables(rig.gateway.databaseUrl, locked);
      const watched = watchSessions(held);
      const [free, hard, ...outcomes] = await Promise.all([
        askMany(rig.gateway, rig.free, atOnce),
        askMany(rig.gateway, rig.hard, atOnce),
        ...Array.from({ length: changesAtOnce }, (_, at) =>
          outcomeOf(control.resources.applyResources({ resources: [team(`t${at}`)] })),
        ),
        ...Array.from({ length: atOnce }, () => outcomeOf(control.usage.listUsageRecords({}))),
        ...Array.from({ length: atOnce }, () =>
          outcomeOf(rig.gateway.balances.getBalance({ quota: hardBudget })),
        ),
      ]);
      expect(new Set(outcomes.map(({ reason }) => reason))).toEqual(new Set(["UNAVAILABLE"]));
      expect(Math.max(...outcomes.map(({ tookMs }) => tookMs))).toBeLessThan(refusedWithinMs);
      const most = await watched.stop();
      process.stdout.write(`sessions while tables were locked, at most: ${most.join(", ")}\n`);
      for (const count of most) {
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThanOrEqual(mostSessions);
      }
      await held.release();
      // Who needs no quota never noticed; who does was served from what was lent, or told why not.
      expect(endings(free)).toEqual({ complete: atOnce });
      const { complete = 0, ...others } = endings(hard);
      expect(Object.keys(others).filter((reason) => reason !== "QUOTA_UNAVAILABLE")).toEqual([]);
      await expectBooks(10 + complete);
      const { revision } = await control.resources.applyResources({ resources: [team("after")] });
      await rig.gateway.waitForRevision(revision);
    },
    testTimeoutMs,
  );

  async function expectBooks(completed: number): Promise<void> {
    const balance = async () =>
      (await rig.gateway.balances.getBalance({ quota: hardBudget }).catch(() => undefined))
        ?.balance;
    await expect.poll(balance, patience).toMatchObject({
      posted: BigInt(completed) * quickCostNanoUsd,
      pending: 0n,
      overshoot: 0n,
    });
  }
}

/** The most sessions that each pool had at one time. */
function watchSessions(held: HeldTables) {
  const most = pools.map(() => 0);
  let stopped = false;
  const watch = async (): Promise<void> => {
    while (!stopped) {
      for (const [at, pool] of pools.entries()) {
        most[at] = Math.max(most[at] ?? 0, await held.sessions(pool));
      }
    }
  };
  const watching = watch();
  return {
    stop: async (): Promise<readonly number[]> => {
      stopped = true;
      await watching;
      return most;
    },
  };
}
