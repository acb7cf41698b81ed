import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RequestOutcome } from "@penstock/api";
import { createPenstockClient } from "@penstock/client";
import type { PenstockClient } from "@penstock/client";
import { generateKey } from "@penstock/runtime";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  serverLane,
  startConstellation,
  startNats,
} from "@penstock/test-support";
import type { Constellation, NatsServer, Transcript } from "@penstock/test-support";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { startRouter } from "./src/router-process.ts";
import type { RouterProcess } from "./src/router-process.ts";

const serviceToken = generateKey("pst").text;
const keyName = "projects/p/virtualKeys/k";
const patience = { timeout: 30_000, interval: 100 };
const timeoutMs = 120_000;
const graceMs = 1_500;
/** Streams of one second to eight. */
const lengths = [1, 2, 3, 4, 5, 6, 7, 8];
const streams = 200;

serverLane("nats").describe("the drain of a router", () => {
  let nats: NatsServer;
  let constellation: Constellation;
  let key: string;
  let client: PenstockClient;
  const folders: string[] = [];
  let router: RouterProcess;

  beforeAll(async () => {
    nats = await startNats();
    constellation = await startConstellation({
      busUrl: nats.url,
      serviceToken,
      resources: (url) =>
        projectManifest("p") +
        providerManifest("v", `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "2" }) +
        [...lengths, 60]
          .map((seconds) => {
            const model = `alpha-large+delay-100+tokens-${seconds * 10}`;
            const id = `s${seconds}`;
            return deploymentManifest(id, "v", model) + routeManifest(id, [id]) + "---\n";
          })
          .join(""),
    });
    key = await constellation.issueKey(keyName, { maxConcurrentRequests: 1_000 });
  }, timeoutMs);
  afterAll(async () => {
    await router?.dispose();
    await constellation?.close();
    await nats?.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  afterEach(() => client.close());

  async function start(replica: string): Promise<string> {
    const dataDir = mkdtempSync(join(tmpdir(), "penstock-drain-"));
    folders.push(dataDir);
    router = await startRouter({
      busUrl: nats.url,
      controlUrl: constellation.controlUrl,
      serviceToken,
      replica,
      dataDir,
      workers: 2,
      environment: { PENSTOCK_DRAIN_GRACE: `${graceMs}ms` },
    });
    const { grpcAddress: address } = router;
    client = createPenstockClient({ address, virtualKey: key, timeoutMs: 90_000 });
    return dataDir;
  }

  const ask = (model: string, number = 0): Promise<Transcript> => {
    const question = { model, prompt: `stream ${number}`, stream: true };
    return number % 2 === 0 ? askOverHttp(router, key, question) : askOverGrpc(client, question);
  };

  const inFlight = async (): Promise<number> => {
    const { targets } = await router.client.listTargetHealth({});
    return targets.reduce((sum, target) => sum + target.inFlight, 0);
  };

  const spoolFiles = (dataDir: string): string[] =>
    ["0", "1"].flatMap((worker) =>
      readdirSync(join(dataDir, "spool", worker)).filter((name) => name.endsWith(".seg")),
    );

  it("lets what is open end and leaves nothing behind", { timeout: timeoutMs }, async () => {
    const dataDir = await start("drain-a");
    const running = Promise.all(
      Array.from({ length: streams }, (_, number) =>
        ask(`s${lengths[number % lengths.length]}`, number),
      ),
    );
    await vi.waitFor(async () => expect(await inFlight()).toBeGreaterThan(streams / 2), patience);
    router.signal("SIGTERM");
    const signalledMs = performance.now();
    await vi.waitFor(async () => expect((await router.look("/readyz")).status).toBe(503), {
      timeout: 1_000,
      interval: 20,
    });
    expect((await router.look("/livez")).status).toBe(200);
    const during = await ask("s1");
    expect([during.end, performance.now() - signalledMs < 5_000]).toEqual(["complete", true]);
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(0, signalledMs + graceMs + 300 - performance.now())),
    );
    await expect(ask("s1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const answers = await running;
    expect(await router.ended).toBe(0);
    expect(performance.now() - signalledMs).toBeLessThan(20_000);
    const complete = answers.filter(({ end }) => end === "complete");
    expect(complete).toHaveLength(streams);
    expect(spoolFiles(dataDir)).toEqual([]);
    await vi.waitFor(async () => {
      const { usageRecords } = await recordsOf();
      const mine = usageRecords.filter(({ event }) => event?.replica.startsWith("drain-a"));
      expect(mine).toHaveLength(streams + 1);
      expect(mine.every(({ event }) => event?.outcome === RequestOutcome.COMPLETED)).toBe(true);
    }, patience);
  });

  it(
    "is over 5 s after a second signal; who is cut off hears why",
    { timeout: timeoutMs },
    async () => {
      const dataDir = await start("drain-b");
      const running = Promise.all([ask("s60", 0), ask("s60", 1)]);
      await vi.waitFor(async () => expect(await inFlight()).toBe(2), patience);
      router.signal("SIGTERM");
      await vi.waitFor(
        async () => expect((await router.look("/readyz")).status).toBe(503),
        patience,
      );
      router.signal("SIGTERM");
      const hurriedMs = performance.now();
      expect(await router.ended).toBe(0);
      expect(performance.now() - hurriedMs).toBeLessThan(6_000);
      for (const transcript of await running) {
        expect(transcript.end).toBe("error");
        expect(transcript.error?.reason).toBe("DRAINING");
      }
      expect(spoolFiles(dataDir)).toEqual([]);
    },
  );

  function recordsOf() {
    const filter = { virtualKey: keyName };
    return constellation.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
  }
});
