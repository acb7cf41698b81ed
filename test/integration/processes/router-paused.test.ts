import { askOverHttp, serverLane } from "@penstock/test-support";
import type { Transcript } from "@penstock/test-support";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endings, quick, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// A router is stopped in its tracks until what it had been lent is lent to the other one; then it
// goes on where it was, and must not use what is not its own any more. Fault table, row 2.

const patience = { timeout: 30_000, interval: 200 };
const testTimeoutMs = 120_000;
const keyName = "projects/p/virtualKeys/paced";
const limit = "limits/paced";
/** Within any minute; all of it is over before the first of it is free again. */
const room = 200;
const before = 40;
/** What the first holds unused, at least, when it is stopped. */
const spare = 5n;
const arrivalMs = 300;
/** A rate is lent for 10 s, and is lent to others 2 s later. */
const lentMs = 12_000;

serverLane("nats").describe("a router that stands still", () => {
  serverLane("postgres").describe("until its leases have ended", suite);
});

function suite(): void {
  let rig: FaultRig;
  let paced: string;

  beforeAll(async () => {
    rig = await startFaultRig({ workers: [1, 1] });
    paced = await rig.gateway.issueKey(keyName);
    await rig.gateway.apply(`kind: Limit
name: ${limit}
scope: { virtualKey: ${keyName} }
requestsPerMinute: ${room}
onUnavailable: DENY
`);
  });
  afterAll(() => rig?.gateway.close());

  const first = () => rig.gateway.role("router-1");

  async function ask(router: 0 | 1, model = "quick"): Promise<Transcript> {
    const door = rig.gateway.routers[router];
    if (door === undefined) throw new TypeError("there are two routers");
    if (model === "quick") return await askOverHttp(door, paced, quick);
    const { prompt } = quick;
    return await askOverHttp(door, paced, { model, prompt, stream: true });
  }

  const askAll = (router: 0 | 1, count: number): Promise<Transcript[]> =>
    Promise.all(Array.from({ length: count }, () => ask(router)));

  async function balance() {
    const read = await rig.gateway.balances.getBalance({ quota: limit });
    if (read.balance === undefined) throw new TypeError("a limit has a balance");
    return read.balance;
  }

  /** How many syncs of the first router quota has answered. */
  async function syncs(): Promise<number> {
    const { text } = await first().look("/metrics");
    return Number(/^penstock_lease_syncs_total\{[^}]*outcome="ok"[^}]*\} (\d+)/m.exec(text)?.[1]);
  }

  it(
    "admits nothing on them when it goes on, and what it was running counts",
    async () => {
      const running = ask(0, "slow");
      expect(countComplete(await askAll(0, before))).toBe(before);
      let admitted = 1 + before;
      // It holds more than it has used, and quota knows all that it has used.
      const holdsMore = async (): Promise<boolean> => {
        const { posted, leased } = await balance();
        if (leased <= spare) admitted += countComplete(await askAll(0, 5));
        return leased > spare && posted === BigInt(admitted - 1);
      };
      await expect.poll(holdsMore, patience).toBe(true);
      // One that may have begun before, and one that surely says what is still running.
      const heard = await syncs();
      await expect.poll(syncs, patience).toBeGreaterThanOrEqual(heard + 2);
      first().pause();
      const pausedMs = performance.now();
      await expect
        .poll(
          async () => {
            admitted += countComplete(await askAll(1, 10));
            return admitted;
          },
          { timeout: 40_000, interval: 500 },
        )
        .toBe(room);
      await delay(Math.max(0, lentMs - (performance.now() - pausedMs)));
      expect((await balance()).available).toBe(0n);
      // They are there before it is: it hears of them and of quota at the same time.
      const late = askAll(0, 10);
      await delay(arrivalMs);
      first().resume();
      const refusals = new Set(Object.keys(endings(await late)));
      // On a machine that others use, quota may take longer than a request waits for it.
      refusals.delete("QUOTA_UNAVAILABLE");
      expect([...refusals].filter((ending) => ending !== "LIMIT_EXCEEDED")).toEqual([]);
      expect((await running).end).toBe("complete");
      await expect
        .poll(balance, patience)
        .toMatchObject({ posted: BigInt(room), pending: 0n, leased: 0n, overshoot: 0n });
    },
    testTimeoutMs,
  );
}

function countComplete(answers: readonly Transcript[]): number {
  return answers.filter(({ end }) => end === "complete").length;
}
