import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, Question, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { admitted, decided } from "./src/decided.ts";

// A limit and a budget are one amount, however many routers and workers spend it.

const clients = 200;
/** Of both routers; each may hold back what one request needs. */
const workers = 3;
const question: Question = {
  model: "fast",
  prompt: "one of many",
  stream: false,
  maxOutputTokens: 10,
};
const costNanoUsd = 10_000n;
let gateway: Constellation;

beforeAll(async () => {
  gateway = await startConstellation({
    resources: (url) =>
      projectManifest("p") +
      providerManifest("v", `${url}/alpha/v1`, { inputUsd: "0", outputUsd: "1" }) +
      deploymentManifest("fast", "v", "alpha-small+slow-first-token-0+delay-0+tokens-10") +
      routeManifest("fast", ["fast"]),
  });
});
afterAll(() => gateway?.close());

/** A key of its own for each case, with the quota given. */
async function keyWith(id: string, quota: string): Promise<string> {
  const name = `projects/p/virtualKeys/${id}`;
  const key = await gateway.issueKey(name, { maxConcurrentRequests: 1_000 });
  await gateway.apply(`${quota}scope: { virtualKey: ${name} }\nonUnavailable: DENY\n`);
  return key;
}

/** All at once, over both doors of every router; each has a connection of its own over HTTP. */
async function race(key: string): Promise<Transcript[]> {
  const doors = gateway.routers.map((router) => ({
    router,
    grpc: gateway.grpcClient(key, router),
  }));
  const asked = Array.from({ length: clients }, (_, index) => {
    const door = doors[index % doors.length];
    if (door === undefined) throw new TypeError("there is a router");
    const isHttp = Math.floor(index / doors.length) % 2 === 0;
    return decided(() =>
      isHttp ? askOverHttp(door.router, key, question) : askOverGrpc(door.grpc, question),
    );
  });
  return await Promise.all(asked);
}

async function expectPosted(quota: string, posted: bigint): Promise<void> {
  const read = async () => (await gateway.balances.getBalance({ quota })).balance;
  const quiet = { posted, pending: 0n, leased: 0n, overshoot: 0n };
  await expect.poll(read, { timeout: 40_000, interval: 100 }).toMatchObject(quiet);
}

/** Names of those who served or refused: each router, each worker. */
async function replicasOf(key: string): Promise<string[]> {
  const filter = { virtualKey: `projects/p/virtualKeys/${key}` };
  const read = async () =>
    (await gateway.control.usage.listUsageRecords({ filter, pageSize: 1_000 })).usageRecords;
  await expect
    .poll(async () => (await read()).length, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(clients);
  return [...new Set((await read()).map(({ event }) => event?.replica ?? ""))].toSorted();
}

/**
 * Never more than there is room for. What a worker had borrowed for one who went away meanwhile is
 * there again as soon as it is given back: in the end, exactly as many.
 */
async function expectExactly(room: number, key: string, raced: readonly Transcript[]) {
  let total = admitted(raced);
  expect(total).toBeLessThanOrEqual(room);
  expect(total).toBeGreaterThanOrEqual(room - workers);
  await expect
    .poll(
      async () => {
        if (total < room) total += admitted([await askOverHttp(gateway, key, question)]);
        return total;
      },
      { timeout: 20_000, interval: 200 },
    )
    .toBe(room);
  const more = gateway.routers.map((router) => decided(() => askOverHttp(router, key, question)));
  expect(admitted(await Promise.all(more))).toBe(0);
}

describe(`${clients} clients at once`, () => {
  it("get five requests of a limit of 5 a minute, from all workers together", async () => {
    const quota = "kind: Limit\nname: limits/five\nrequestsPerMinute: 5\n";
    const key = await keyWith("limited", quota);
    const transcripts = await race(key);
    await expectExactly(5, key, transcripts);
    const refused = transcripts.filter(({ end }) => end !== "complete");
    expect(new Set(refused.map(({ error }) => error?.reason))).toEqual(new Set(["LIMIT_EXCEEDED"]));
    const replicas = await replicasOf("limited");
    if (gateway.shape === "servers") {
      expect(replicas).toEqual(["router-1", "router-2", "router-2_1"]);
    }
    await expectPosted("limits/five", 5n);
  });

  it("get what a budget has room for, and it is spent to the nano-USD", async () => {
    const room = 30n;
    const amountUsd = Number(room * costNanoUsd) / 1e9;
    const quota = `kind: Budget\nname: budgets/b\namountUsd: "${amountUsd}"\nperiod: DAY\n`;
    const key = await keyWith("poor", quota);
    const transcripts = await race(key);
    await expectExactly(Number(room), key, transcripts);
    const refused = transcripts.filter(({ end }) => end !== "complete");
    expect(new Set(refused.map(({ error }) => error?.reason))).toEqual(
      new Set(["BUDGET_EXHAUSTED"]),
    );
    await expectPosted("budgets/b", room * costNanoUsd);
  });
});

it("five one after another, each at another door, then none at any", async () => {
  const quota = "kind: Limit\nname: limits/turns\nrequestsPerMinute: 5\n";
  const key = await keyWith("turns", quota);
  const statuses: number[] = [];
  for (let number = 0; number < 5; number += 1) {
    statuses.push((await decided(() => askOverHttp(gateway, key, question))).status);
  }
  const after = await Promise.all(
    gateway.routers.map((router) => decided(() => askOverHttp(router, key, question))),
  );
  expect(statuses).toEqual([200, 200, 200, 200, 200]);
  expect(after.every(({ status }) => status === 429)).toBe(true);
});
