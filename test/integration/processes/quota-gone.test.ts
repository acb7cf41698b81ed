import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endings, hardBudget, quick, quickCostNanoUsd, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";
import { SteadyCallers } from "../src/steady-callers.ts";

// Quota dies, or is slow, while callers go on. Fault table, rows 3 and 4.

const callers = 4;
const pauseMs = 50;
/** A lease of money lives 30 s; near its end a router does not count on it. */
const leaseEndsWithinMs = 40_000;
const recoveryMs = 2_000;
const slackMs = 8_000;
/** What a machine that others use may add to a median. */
const slackMedianMs = 500;
const testTimeoutMs = 120_000;
/** What has to be lent before quota goes, in requests, so that leases can be seen to carry some. */
const leasedRequests = 50;

serverLane("nats").describe("quota", () => {
  serverLane("postgres").describe("on a network that breaks", suite);
});

function suite(): void {
  let rig: FaultRig;
  /** Requests of the key with the budget that were answered, by their callers' own count. */
  let served = 0;

  beforeAll(async () => {
    // As shipped: 150 ms, and 500 ms while quota is quick.
    const wait = { PENSTOCK_QUOTA_WAIT: "" };
    rig = await startFaultRig({
      links: ["routers-quota"],
      roleEnvironment: { "router-1": wait, "router-2": wait },
    });
  });
  afterAll(() => rig?.gateway.close());

  const load = (key: string) =>
    new SteadyCallers(rig.gateway, key, { question: quick, callers, pauseMs });

  it("answers slowly: few wait longer than 150 ms for it, and who needs none not at all", async () => {
    const free = load(rig.free);
    const hard = load(rig.hard);
    await untilLeased(rig, hard);
    const fastMs = medianMs([...hard.since(0), ...free.since(0)]);
    const slowFromMs = performance.now();
    const slow = { latencyMs: 1_000 };
    rig.gateway.link("routers-quota").set({ toTarget: slow, toClient: slow });
    await expect
      .poll(() => hard.since(slowFromMs).length, { timeout: 30_000 })
      .toBeGreaterThan(100);
    rig.gateway.link("routers-quota").set({});
    await Promise.all([hard.stop(), free.stop()]);
    served += completed(hard);
    const answers = hard.since(slowFromMs);
    // From leases; between them as the budget says: DENY.
    expect(endings(answers)["complete"]).toBeGreaterThan(0);
    const others = Object.keys(endings(answers)).filter((ending) => ending !== "complete");
    expect(others.filter((ending) => ending !== "QUOTA_UNAVAILABLE")).toEqual([]);
    expect(medianMs(answers)).toBeLessThan(fastMs + 150 + slackMedianMs);
    expect(medianMs(free.since(slowFromMs))).toBeLessThan(fastMs + slackMedianMs);
    expect(endings(free.since(0))).toEqual({ complete: free.answers.length });
  });

  it(
    "is killed: no quota, no change; a hard budget, until its lease ends, then 503; then all again",
    { timeout: testTimeoutMs },
    async () => {
      const free = load(rig.free);
      const hard = load(rig.hard);
      await untilLeased(rig, hard);
      const before = hard.answers.length;
      await rig.gateway.role("quota").kill();
      const killedMs = performance.now();
      // From leases that were there at the kill.
      await expect
        .poll(() => hard.since(killedMs).filter(({ end }) => end === "complete").length)
        .toBeGreaterThan(0);
      await expect
        .poll(() => hard.answers.at(-1)?.transcript.error?.reason, { timeout: leaseEndsWithinMs })
        .toBe("QUOTA_UNAVAILABLE");
      const refused = hard.answers.at(-1)?.transcript;
      expect(refused?.status).toBe(503);
      expect(refused?.error?.retryAfterMs).toBeGreaterThan(0);
      rig.gateway.role("quota").start();
      await rig.gateway.role("quota").untilReady();
      const readyMs = performance.now();
      await expect
        .poll(() => hard.since(readyMs).some(({ end }) => end === "complete"), {
          timeout: recoveryMs + slackMs,
          interval: 20,
        })
        .toBe(true);
      const recoveredMs = performance.now() - readyMs;
      process.stdout.write(`a hard budget is served ${Math.round(recoveredMs)} ms after quota\n`);
      const [hardAnswers, freeAnswers] = await Promise.all([hard.stop(), free.stop()]);
      served += completed(hard);
      expect(endings(freeAnswers)).toEqual({ complete: freeAnswers.length });
      expect(Object.keys(endings(hardAnswers)).toSorted()).toEqual([
        "QUOTA_UNAVAILABLE",
        "complete",
      ]);
      expect(hardAnswers.length).toBeGreaterThan(before);
    },
  );

  it("has posted exactly what was answered, and nothing is left over", async () => {
    const posted = BigInt(served) * quickCostNanoUsd;
    await expect
      .poll(async () => (await rig.gateway.balances.getBalance({ quota: hardBudget })).balance, {
        timeout: 40_000,
        interval: 200,
      })
      .toMatchObject({ posted, pending: 0n, overshoot: 0n });
  });
}

/** Until the routers hold what carries them on without quota for some requests. */
async function untilLeased({ gateway }: FaultRig, callersOfKey: SteadyCallers): Promise<void> {
  const leastNanoUsd = BigInt(leasedRequests) * quickCostNanoUsd;
  await expect.poll(() => completed(callersOfKey), { timeout: 20_000 }).toBeGreaterThan(20);
  await expect
    .poll(
      async () => {
        const { balance } = await gateway.balances.getBalance({ quota: hardBudget });
        return (balance?.leased ?? 0n) >= leastNanoUsd;
      },
      { timeout: 20_000 },
    )
    .toBe(true);
}

function completed({ answers }: SteadyCallers): number {
  return answers.filter(({ transcript }) => transcript.end === "complete").length;
}

function medianMs(transcripts: readonly { readonly elapsedMs: number }[]): number {
  const sorted = transcripts.map(({ elapsedMs }) => elapsedMs).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Infinity;
}
