import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UsageRecord } from "@penstock/api";
import { createPenstockClient } from "@penstock/client";
import { generateKey } from "@penstock/runtime";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
  startNats,
} from "@penstock/test-support";
import type { Transcript } from "@penstock/test-support";
import { startRouter } from "./router-process.ts";
import type { RouterProcess } from "./router-process.ts";

const keyName = "projects/p/virtualKeys/k";
const serviceToken = generateKey("pst").text;
const tokensPerSecond = 10;

/** A router that is to be drained. */
export interface DrainedRouter {
  readonly process: RouterProcess;
  /** Streams for as many seconds; every fifth over gRPC, all of them on one connection. */
  ask(seconds: number, number?: number): Promise<Transcript>;
  /** Requests that came, whether they have ended or not. */
  arrived(): Promise<number>;
  /** Segments in its spools. */
  spoolFiles(): string[];
  records(): Promise<UsageRecord[]>;
}

/** A gateway whose streams last as long as asked, and routers beside it. */
export interface DrainRig {
  start(replica: string, environment: Readonly<Record<string, string>>): Promise<DrainedRouter>;
  close(): Promise<void>;
}

/** Starts one with a model for each of the lengths. */
export async function startDrainRig(seconds: readonly number[]): Promise<DrainRig> {
  const parts = new AsyncDisposableStack();
  const nats = await startNats();
  parts.defer(() => nats.stop());
  const constellation = await startConstellation({
    busUrl: nats.url,
    serviceToken,
    resources: (url) =>
      projectManifest("p") +
      providerManifest("v", `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "2" }) +
      seconds.map((length) => manifestOf(length)).join(""),
  });
  parts.defer(() => constellation.close());
  const key = await constellation.issueKey(keyName, { maxConcurrentRequests: 2_000 });
  const start = async (
    replica: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<DrainedRouter> => {
    const dataDir = mkdtempSync(join(tmpdir(), "penstock-drain-"));
    parts.defer(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 }));
    const { controlUrl } = constellation;
    const place = { busUrl: nats.url, controlUrl, serviceToken, replica, dataDir };
    const router = await startRouter({ ...place, workers: 2, environment });
    parts.defer(() => router.dispose());
    const address = router.grpcAddress;
    const client = createPenstockClient({ address, virtualKey: key, timeoutMs: 300_000 });
    parts.defer(() => client.close());
    return {
      process: router,
      ask: (length, number = 0) => {
        const question = { model: `s${length}`, prompt: `stream ${number}`, stream: true };
        if (number % 5 < 4) return askOverHttp(router, key, question);
        return askOverGrpc(client, question);
      },
      arrived: () => arrivedAt(router),
      spoolFiles: () => ["0", "1"].flatMap((worker) => segments(join(dataDir, "spool", worker))),
      records: async () => {
        const filter = { virtualKey: keyName };
        const { usage } = constellation.control;
        const found = await usage.listUsageRecords({ filter, pageSize: 1_000 });
        return found.usageRecords.filter(({ event }) => event?.replica.startsWith(replica));
      },
    };
  };
  return { start, close: () => parts.disposeAsync() };
}

function manifestOf(seconds: number): string {
  const model = `alpha-large+delay-${1_000 / tokensPerSecond}+tokens-${seconds * tokensPerSecond}`;
  const id = `s${seconds}`;
  return deploymentManifest(id, "v", model) + routeManifest(id, [id]);
}

async function arrivedAt(router: RouterProcess): Promise<number> {
  const { text } = await router.look("/metrics");
  const samples = text.matchAll(/^penstock_requests_(?:open|total)\{.*\} (\d+)$/gm);
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

function segments(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".seg"));
}
