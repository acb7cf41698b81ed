import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { prepareDatabaseFolder } from "@penstock/database/testing";
import { BalanceService, LedgerService, ResourceService, UsageService } from "@penstock/api";
import { silentObservability } from "@penstock/observability";
import { createClient, createNetworkTransport } from "@penstock/rpc";
import type { Client } from "@penstock/rpc";
import { Secret } from "@penstock/runtime";
import { penstockMain } from "./run-penstock.ts";
import type { CommandTarget } from "./run-penstock.ts";

/** `penstock start` in a process of its own. */
export interface PenstockProcess extends CommandTarget {
  readonly httpUrl: string;
  readonly balances: Client<typeof BalanceService>;
  readonly ledger: Client<typeof LedgerService>;
  readonly resources: Client<typeof ResourceService>;
  readonly usage: Client<typeof UsageService>;
  /** Ends it as the kernel would, and waits until it is gone. */
  kill(): Promise<void>;
}

const startTimeoutMs = 60_000;
const ports = ["http", "grpc", "control", "admin", "simulator"];

/** Starts it on free ports; resolves when it says that it is ready. */
export async function startPenstock(dataDir: string): Promise<PenstockProcess> {
  await prepareDatabaseFolder(dataDir);
  const flags = ports.flatMap((door) => [`--${door}-port`, "0"]);
  const child = spawn(process.execPath, [penstockMain, "start", "--data-dir", dataDir, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const read = (bytes: Buffer): void => {
    output += bytes.toString();
    if (output.includes("ready in")) resolve();
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  child.on("error", reject);
  child.on("exit", (code, signal) => {
    onGone();
    reject(new Error(`penstock start ended with ${code ?? signal}: ${output}`));
  });
  const late = setTimeout(
    () => reject(new Error(`penstock start is not ready after ${startTimeoutMs} ms: ${output}`)),
    startTimeoutMs,
  );
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  try {
    await ready;
  } catch (error) {
    await kill();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return connect(readDemoEnv(dataDir), kill);
}

function connect(
  environment: ReadonlyMap<string, string>,
  kill: () => Promise<void>,
): PenstockProcess {
  const value = (name: string): string => environment.get(name) ?? "";
  const controlUrl = value("PENSTOCK_CONTROL_URL");
  const adminToken = value("PENSTOCK_ADMIN_TOKEN");
  const { transport, close } = createNetworkTransport({
    url: controlUrl,
    token: new Secret(adminToken),
    tracer: silentObservability().tracer,
  });
  return {
    httpUrl: value("OPENAI_BASE_URL").replace(/\/v1$/, ""),
    controlUrl,
    adminUrl: value("PENSTOCK_ADMIN_URL"),
    adminToken,
    balances: createClient(BalanceService, transport),
    ledger: createClient(LedgerService, transport),
    resources: createClient(ResourceService, transport),
    usage: createClient(UsageService, transport),
    kill: async () => {
      close();
      await kill();
    },
  };
}

function readDemoEnv(dataDir: string): Map<string, string> {
  const lines = readFileSync(join(dataDir, "demo.env"), "utf8").split("\n");
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^([A-Z_]+)='(.*)'$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}
