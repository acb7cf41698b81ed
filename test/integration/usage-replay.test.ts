import { RequestOutcome } from "@penstock/api";
import {
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  serverLane,
  startConstellation,
  startNats,
} from "@penstock/test-support";
import type { Constellation, NatsServer } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const keyName = "projects/p/virtualKeys/k";
const patience = { timeout: 60_000, interval: 200 };
const timeoutMs = 150_000;

serverLane("nats").describe("usage while the bus loses what it had", () => {
  let nats: NatsServer;
  let constellation: Constellation;
  let key: string;
  const asked: string[] = [];

  beforeAll(async () => {
    nats = await startNats();
    constellation = await startConstellation({
      busUrl: nats.url,
      resources: (url) =>
        projectManifest("p") +
        providerManifest("v", `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "2" }) +
        deploymentManifest("quick", "v", "alpha-large") +
        routeManifest("quick", ["quick"]) +
        `kind: Budget\nname: budgets/b\nscope: { project: projects/p }\n` +
        `amountUsd: "100"\nperiod: MONTH\n`,
    });
    key = await constellation.issueKey(keyName);
  }, timeoutMs);
  afterAll(async () => {
    await constellation?.close();
    await nats?.stop();
  });

  async function ask(count: number): Promise<void> {
    const question = { model: "quick", prompt: "hi", stream: false };
    const answers = await Promise.all(
      Array.from({ length: count }, () => askOverHttp(constellation, key, question)),
    );
    for (const { error, requestId } of answers) {
      expect(error).toBeUndefined();
      asked.push(requestId);
    }
  }

  /** One record of each request, and the ledger's sum is theirs. */
  async function expectAllOnce(): Promise<void> {
    await vi.waitFor(async () => {
      const filter = { virtualKey: keyName };
      const found = await constellation.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
      const completed = found.usageRecords.filter(
        ({ event }) => event?.outcome === RequestOutcome.COMPLETED,
      );
      const ids = completed.map(({ event }) => event?.requestId);
      expect(new Set(ids)).toEqual(new Set(asked));
      expect(ids).toHaveLength(asked.length);
      const cost = completed.reduce((sum, { event }) => sum + (event?.costNanoUsd ?? 0n), 0n);
      const { balance } = await constellation.balances.getBalance({ quota: "budgets/b" });
      expect(balance?.posted).toBe(cost);
    }, patience);
  }

  it(
    "is published again into an empty store, once in the end",
    { timeout: timeoutMs },
    async () => {
      await ask(10);
      await expectAllOnce();
      await nats.kill();
      await ask(10);
      await nats.restart({ store: "empty" });
      await ask(5);
      await expectAllOnce();
    },
  );

  it("fills the hole of a store that was rolled back", { timeout: timeoutMs }, async () => {
    await nats.kill();
    nats.keepStore();
    await nats.restart();
    await ask(5);
    await expectAllOnce();
    await nats.kill();
    await ask(5);
    await nats.restart({ store: "kept" });
    await ask(5);
    await expectAllOnce();
  });
});
