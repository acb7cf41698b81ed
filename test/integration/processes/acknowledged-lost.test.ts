import { requestNats, serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askMany, endings, quickCostNanoUsd, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// NATS has acknowledged events that nobody has consumed yet, and loses them. Who consumes is dead
// from before they are asked for until NATS is back: only the spools can give them again.
// Fault table, rows 12 and 13.

const patience = { timeout: 40_000, interval: 200 };
const testTimeoutMs = 90_000;
const keyName = "projects/p/virtualKeys/soft";
const budget = "budgets/soft";
const configStream = "KV_penstock_config";
const usageStream = "penstock_usage";
const consumers = ["quota", "telemetry"] as const;
const acknowledged = 20;

serverLane("nats").describe("what NATS had acknowledged and lost", () => {
  serverLane("postgres").describe("under routers whose consumers were away", suite);
});

function suite(): void {
  let rig: FaultRig;
  /** Is served without quota, and charged for it later. */
  let soft: string;
  let asked = 0;

  beforeAll(async () => {
    rig = await startFaultRig();
    soft = await rig.gateway.issueKey(keyName);
    await rig.gateway.apply(`kind: Budget
name: ${budget}
scope: { virtualKey: ${keyName} }
amountUsd: "100"
period: MONTH
onUnavailable: ALLOW_CAPPED
`);
  });
  afterAll(() => rig?.gateway.close());

  async function ask(count: number): Promise<void> {
    expect(endings(await askMany(rig.gateway, soft, count))).toEqual({ complete: count });
    asked += count;
  }

  /** One record of each request, and the ledger's sum is theirs. */
  async function expectAllOnce(): Promise<void> {
    const ids = async (): Promise<string[]> => {
      const filter = { virtualKey: keyName };
      const page = await rig.gateway.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
      return page.usageRecords.map(({ event }) => event?.requestId ?? "");
    };
    await expect.poll(async () => (await ids()).length, patience).toBe(asked);
    expect(new Set(await ids()).size).toBe(asked);
    const balance = async () => (await rig.gateway.balances.getBalance({ quota: budget })).balance;
    await expect
      .poll(balance, patience)
      .toMatchObject({ posted: BigInt(asked) * quickCostNanoUsd, pending: 0n, overshoot: 0n });
  }

  async function streams(): Promise<NatsStream[]> {
    const answer = await requestNats(rig.gateway.nats.url, "$JS.API.STREAM.LIST");
    return (JSON.parse(answer) as { streams: NatsStream[] | null }).streams ?? [];
  }
  const found = async (name: string): Promise<NatsStream | undefined> =>
    (await streams()).find(({ config }) => config.name === name);
  const configs = async () =>
    (await streams())
      .map(({ config }) => config)
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));

  /** Events that NATS has acknowledged, over all routers: several of them may be one message. */
  async function published(): Promise<number> {
    const texts = await Promise.all(
      (["router-1", "router-2"] as const).map((name) => rig.gateway.role(name).look("/metrics")),
    );
    const samples = texts.flatMap(({ text }) => [
      ...text.matchAll(/^penstock_usage_published_total\{[^}]*outcome="ok"[^}]*\} (\d+)$/gm),
    ]);
    return samples.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** NATS takes what is asked now, and nobody takes it from there. */
  async function askForNobody(): Promise<void> {
    const before = await published();
    const messages = (await found(usageStream))?.state.last_seq ?? 0;
    await ask(acknowledged);
    await expect.poll(published, patience).toBeGreaterThanOrEqual(before + acknowledged);
    expect((await found(usageStream))?.state.last_seq).toBeGreaterThan(messages);
  }

  async function killConsumers(): Promise<void> {
    await Promise.all(consumers.map((name) => rig.gateway.role(name).kill()));
  }

  /** The last events of each spool come after the hole. */
  async function lose(store: "empty" | "kept"): Promise<void> {
    await rig.gateway.nats.kill();
    await ask(6);
    await rig.gateway.nats.restart({ store });
    for (const name of consumers) rig.gateway.role(name).start();
    await Promise.all(consumers.map((name) => rig.gateway.role(name).untilReady()));
  }

  it(
    "with its whole store is published again; what was in the store is made again as it was",
    async () => {
      await ask(5);
      await expectAllOnce();
      const before = await configs();
      const keys = (await found(configStream))?.state.num_subjects ?? 0;
      expect(keys).toBeGreaterThan(5);
      await killConsumers();
      await askForNobody();
      await lose("empty");
      await expectAllOnce();
      await expect.poll(configs, patience).toEqual(before);
      // Policy is the owner of the bucket: every resource and the head are there again.
      await expect
        .poll(async () => (await found(configStream))?.state.num_subjects, patience)
        .toBe(keys);
    },
    testTimeoutMs,
  );

  it(
    "by a store that was rolled back is published again",
    async () => {
      await expectAllOnce();
      await killConsumers();
      await rig.gateway.nats.kill();
      rig.gateway.nats.keepStore();
      await rig.gateway.nats.restart();
      await askForNobody();
      await lose("kept");
      await expectAllOnce();
    },
    testTimeoutMs,
  );
}

/** What JetStream says of one of its streams, as far as it matters here. */
interface NatsStream {
  readonly config: { readonly name: string };
  readonly state: { readonly last_seq: number; readonly num_subjects?: number };
}
