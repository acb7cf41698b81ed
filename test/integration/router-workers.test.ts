import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RequestOutcome } from "@penstock/api";
import { generateKey } from "@penstock/runtime";
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
import { startRouter } from "./src/router-process.ts";
import type { RouterProcess } from "./src/router-process.ts";

/** A loan that ended is listed as a transfer of what was spent of it, beside the charges. */
const loansAreListed = { I2: "leases of the routers under test have ended" };
const serviceToken = generateKey("pst").text;
const patience = { timeout: 30_000, interval: 100 };
const timeoutMs = 120_000;
const segments = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".seg"));

serverLane("nats").describe("a router of several workers", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "penstock-workers-"));
  let nats: NatsServer;
  let constellation: Constellation;
  let router: RouterProcess;
  let key: string;

  const start = (workers: number, environment = {}, folder = dataDir): Promise<RouterProcess> =>
    startRouter({
      busUrl: nats.url,
      controlUrl: constellation.controlUrl,
      serviceToken,
      replica: "crew",
      dataDir: folder,
      workers,
      // Quota shares the thread of this test.
      environment: { PENSTOCK_QUOTA_WAIT: "3s", ...environment },
    });
  const ask = (model: string, signal?: AbortSignal) =>
    askOverHttp(router, key, { model, prompt: "hi", stream: true, ...(signal && { signal }) });

  beforeAll(async () => {
    nats = await startNats();
    constellation = await startConstellation({
      busUrl: nats.url,
      serviceToken,
      exempt: loansAreListed,
      resources: (url) =>
        projectManifest("p") +
        providerManifest("v", `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "2" }) +
        deploymentManifest("quick", "v", "alpha-large") +
        deploymentManifest("slow", "v", "alpha-large+delay-100+tokens-600") +
        routeManifest("quick", ["quick"]) +
        `---\n` +
        routeManifest("roomy", ["quick"]) +
        `---\n` +
        routeManifest("slow", ["slow"]) +
        `---\nkind: Limit\nname: limits/five\nscope: { project: projects/p }\n` +
        `selector: { model: quick }\nrequestsPerMinute: 5\n` +
        `---\nkind: Limit\nname: limits/many\nscope: { project: projects/p }\n` +
        `selector: { model: roomy }\nrequestsPerMinute: 1000\n`,
    });
    key = await constellation.issueKey("projects/p/virtualKeys/k");
    router = await start(2);
  }, timeoutMs);
  afterAll(async () => {
    router?.signal("SIGTERM");
    await router?.ended;
    await constellation?.close();
    await nats?.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }, timeoutMs);

  it(
    "keeps a limit over its workers, and is awaited worker by worker",
    { timeout: timeoutMs },
    async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask("quick")));
      expect(answers.filter(({ error }) => error === undefined)).toHaveLength(5);
      const metrics = await router.look("/metrics");
      for (const worker of ["0", "1"]) {
        expect(metrics.text).toContain(`penstock_worker_up{worker="${worker}"} 1`);
        expect(metrics.text).toMatch(
          new RegExp(`^penstock_requests_total\\{worker="${worker}",.* [1-9]`, "m"),
        );
      }
      expect(metrics.text.match(/^# TYPE penstock_requests_total /gm)).toHaveLength(1);
      const { routers } = await constellation.control.rollout.listRouters({});
      expect(routers.map(({ replica }) => replica)).toEqual(
        expect.arrayContaining(["crew", "crew_1"]),
      );
      const info = await router.client.getSnapshotInfo({});
      expect(info.status?.appliedRevision).toBeGreaterThan(0n);
      const { targets } = await router.client.listTargetHealth({});
      expect(targets.map(({ deployment }) => deployment)).toContain("deployments/quick");
      const virtualKey = "projects/p/virtualKeys/k";
      const explained = await router.client.explainRequest({
        virtualKey,
        request: { model: "slow" },
      });
      expect(explained.verdict).toContain("deployments/slow");
      await expect(
        router.client.explainRequest({ virtualKey: "projects/p/virtualKeys/no" }),
      ).rejects.toMatchObject({ reason: "RESOURCE_NOT_FOUND" });
    },
  );

  it(
    "starts a worker again that died; what it ran is recorded once",
    { timeout: timeoutMs },
    async () => {
      const streams = Promise.allSettled(Array.from({ length: 6 }, () => ask("slow")));
      await vi.waitFor(async () => {
        const { targets } = await router.client.listTargetHealth({});
        const slow = targets.find(({ deployment }) => deployment === "deployments/slow");
        expect(slow?.inFlight).toBe(6);
      }, patience);
      const [pid = 0] = router.workerPids(1);
      process.kill(pid, "SIGKILL");
      await vi.waitFor(() => expect(router.workerPids(1)).toHaveLength(2), patience);
      await vi.waitFor(async () => {
        expect((await router.look("/metrics")).text).toContain('penstock_worker_up{worker="1"} 1');
      }, patience);
      expect((await router.look("/readyz")).status).toBe(200);
      const broken = await vi.waitFor(async () => {
        const records = await recordsOf("slow");
        expect(records.length).toBeGreaterThan(0);
        return records;
      }, patience);
      expect(new Set(broken.map(({ event }) => event?.replica))).toEqual(new Set(["crew_1"]));
      expect(broken.every(({ event }) => event?.outcome === RequestOutcome.INTERRUPTED)).toBe(true);
      // The rest runs on the other worker; killed as a whole, the next start has fewer workers.
      router.signal("SIGKILL");
      await router.ended;
      await streams;
      router = await start(1);
      await vi.waitFor(async () => {
        const ended = await recordsOf("slow");
        expect(ended).toHaveLength(6);
        expect(new Set(ended.map(({ event }) => event?.requestId)).size).toBe(6);
      }, patience);
      await vi.waitFor(() => expect(segments(join(dataDir, "spool", "1"))).toEqual([]), patience);
    },
  );

  it("ends the leases of the first of two that have one name", { timeout: timeoutMs }, async () => {
    const copy = mkdtempSync(join(tmpdir(), "penstock-copy-"));
    cpSync(dataDir, copy, { recursive: true });
    // The copy is on another machine: nobody there has the folders.
    for (const file of ["lock", "spool/0/owner"]) rmSync(join(copy, file), { force: true });
    // A limit that has room, so that leases are what stops the first.
    expect((await ask("roomy")).error).toBeUndefined();
    const second = await start(1, {}, copy);
    try {
      await vi.waitFor(async () => {
        expect((await router.look("/readyz")).status).toBe(503);
      }, patience);
      const refused = await ask("roomy");
      expect(refused.error?.reason).toBe("QUOTA_UNAVAILABLE");
      expect((await ask("slow", AbortSignal.timeout(2_000)).catch(() => "runs")) as unknown).toBe(
        "runs",
      );
      const question = { model: "roomy", prompt: "hi", stream: true };
      expect((await askOverHttp(second, key, question)).error).toBeUndefined();
      expect((await second.look("/readyz")).status).toBe(200);
    } finally {
      second.signal("SIGTERM");
      await second.ended;
      rmSync(copy, { recursive: true, force: true, maxRetries: 3 });
    }
  });

  async function recordsOf(model: string) {
    const filter = { virtualKey: "projects/p/virtualKeys/k", model };
    const found = await constellation.control.usage.listUsageRecords({ filter, pageSize: 100 });
    return found.usageRecords;
  }
});
