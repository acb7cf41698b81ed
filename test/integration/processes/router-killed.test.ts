import { timestampMs } from "@bufbuild/protobuf/wkt";
import { RequestOutcome, TransferState } from "@penstock/api";
import type { UsageRecord } from "@penstock/api";
import { askOverGrpc, askOverHttp, serverLane } from "@penstock/test-support";
import type { Question, RouterDoors, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hardBudget, quick, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// One of two routers is killed in the middle of streams, with its workers. Fault table, row 1.

const patience = { timeout: 40_000, interval: 200 };
const testTimeoutMs = 120_000;
const overHttp = 40;
const overGrpc = 10;
/** Tokens of each stream by then; a router writes its progress once a second. */
const arrived = 25;
const slow: Question = { model: "slow", prompt: "go on", stream: true, maxOutputTokens: 400 };

serverLane("nats").describe("a router killed in the middle of streams", () => {
  serverLane("postgres").describe("beside another router", suite);
});

function suite(): void {
  let rig: FaultRig;

  beforeAll(async () => {
    const exempt = {
      I4: "streams of a killed router end without a mark",
      I8: "a connection that breaks gives no advice",
    };
    rig = await startFaultRig({ workers: [2, 1], exempt });
  });
  afterAll(() => rig?.gateway.close());

  function door(at: 0 | 1): RouterDoors {
    const found = rig.gateway.routers[at];
    if (found === undefined) throw new TypeError("there are two routers");
    return found;
  }

  function openStreams(): Promise<Transcript[]> {
    const client = rig.gateway.grpcClient(rig.hard, door(0));
    return Promise.all([
      ...Array.from({ length: overHttp }, () => askOverHttp(door(0), rig.hard, slow)),
      ...Array.from({ length: overGrpc }, () => askOverGrpc(client, slow)),
    ]);
  }

  async function records(): Promise<UsageRecord[]> {
    const filter = { virtualKey: "projects/p/virtualKeys/hard" };
    const page = await rig.gateway.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
    return page.usageRecords;
  }

  /** Loans of before the kill that are still open. */
  async function lentBefore(killedAtMs: number): Promise<number> {
    const page = await rig.gateway.ledger.listTransfers({
      quota: hardBudget,
      state: TransferState.PENDING,
    });
    return page.transfers.filter(
      ({ createTime }) => createTime !== undefined && timestampMs(createTime) < killedAtMs,
    ).length;
  }

  it(
    "breaks them without a fake end; each is recorded once, and nothing stays lent",
    async () => {
      const opened = openStreams();
      const sent = (): number[] => {
        const calls = rig.gateway.simulator.calls.list();
        return calls.map(({ sentTokens }) => sentTokens).filter((tokens) => tokens >= arrived);
      };
      await expect.poll(() => sent().length, patience).toBe(overHttp + overGrpc);
      const killedAtMs = Date.now();
      await rig.gateway.role("router-1").kill();
      const broken = await opened;
      expect(await lentBefore(killedAtMs)).toBeGreaterThan(0);
      for (const { door: kind, end, error, finishReason, text, status } of broken) {
        expect(text).not.toBe("");
        expect(finishReason).toBeUndefined();
        if (kind === "http")
          expect({ end, status, error }).toEqual({ end: "cut", status: 200, error: undefined });
        else
          expect({ end, reason: error?.reason }).toEqual({ end: "error", reason: "UNAVAILABLE" });
      }
      // Whoever asks the other one notices nothing.
      const others = await Promise.all(
        Array.from({ length: 10 }, () => askOverHttp(door(1), rig.hard, quick)),
      );
      expect(others.filter(({ end }) => end !== "complete")).toEqual([]);
      await rig.gateway.role("router-1").restart();
      const ids = broken.map(({ requestId }) => requestId).toSorted();
      await expect
        .poll(async () => {
          const found = (await records()).filter(
            ({ event }) => event?.outcome === RequestOutcome.INTERRUPTED,
          );
          return found.map(({ event }) => event?.requestId ?? "").toSorted();
        }, patience)
        .toEqual(ids);
      const all = await records();
      expect(all).toHaveLength(ids.length + others.length);
      for (const { event } of all) expect(event?.costNanoUsd).toBeGreaterThan(0n);
      const posted = all.reduce((sum, { event }) => sum + (event?.costNanoUsd ?? 0n), 0n);
      const read = async () =>
        (await rig.gateway.balances.getBalance({ quota: hardBudget })).balance;
      await expect.poll(read, patience).toMatchObject({ posted, pending: 0n, overshoot: 0n });
      await expect.poll(() => lentBefore(killedAtMs), patience).toBe(0);
    },
    testTimeoutMs,
  );
}
