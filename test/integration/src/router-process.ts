import { spawn } from "node:child_process";
import { once } from "node:events";
import { RouterService } from "@penstock/api";
import { silentObservability } from "@penstock/observability";
import { createClient, createNetworkTransport } from "@penstock/rpc";
import type { Client } from "@penstock/rpc";
import { Secret } from "@penstock/runtime";
import { penstockMain } from "./run-penstock.ts";

/** What a router is started with. */
export interface RouterProcessOptions {
  readonly busUrl: string;
  /** Of policy and quota. */
  readonly controlUrl: string;
  readonly serviceToken: string;
  readonly replica: string;
  readonly dataDir: string;
  readonly workers: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** `penstock start --role router` in processes of its own. */
export interface RouterProcess {
  readonly httpUrl: string;
  readonly adminUrl: string;
  readonly grpcAddress: string;
  readonly pid: number;
  /** RouterService on the admin port. */
  readonly client: Client<typeof RouterService>;
  /** Process ids of the workers that were started, by index, newest last. */
  workerPids(index: number): number[];
  /** Status of a path of the admin port, such as `/readyz`; 0: nobody answers. */
  look(path: string): Promise<{ readonly status: number; readonly text: string }>;
  signal(signal: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGSTOP" | "SIGCONT"): void;
  /** Resolves with the exit code, or the signal. */
  readonly ended: Promise<number | string>;
  /** All that it logged. */
  output(): string;
  /** Ends it at once, if it still runs. */
  dispose(): Promise<void>;
}

const startTimeoutMs = 60_000;

/** Starts it on free ports; resolves when its doors are open and it is ready. */
export async function startRouter(options: RouterProcessOptions): Promise<RouterProcess> {
  const flags = ["http", "grpc", "admin"].flatMap((door) => [`--${door}-port`, "0"]);
  const child = spawn(process.execPath, [penstockMain, "start", "--role", "router", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      PENSTOCK_DATA_DIR: options.dataDir,
      PENSTOCK_REPLICA: options.replica,
      PENSTOCK_BUS_URL: options.busUrl,
      PENSTOCK_POLICY_URL: options.controlUrl,
      PENSTOCK_QUOTA_URL: options.controlUrl,
      PENSTOCK_SERVICE_TOKEN: options.serviceToken,
      PENSTOCK_ROUTER_WORKERS: String(options.workers),
      ...options.environment,
    },
  });
  let output = "";
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  let over = false;
  void ended.then(() => (over = true));
  const dispose = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const ports = await until(() => openDoors(output), { failed: () => over, output: () => output });
  const adminUrl = `http://127.0.0.1:${ports.admin}`;
  const token = new Secret(options.serviceToken);
  const { tracer } = silentObservability();
  const { transport } = createNetworkTransport({ url: adminUrl, token, tracer });
  const router: RouterProcess = {
    httpUrl: `http://127.0.0.1:${ports.http}`,
    grpcAddress: `127.0.0.1:${ports.grpc}`,
    adminUrl,
    pid: child.pid ?? 0,
    client: createClient(RouterService, transport),
    workerPids: (index) => pidsOf(output, index),
    look: (path) => look(`${adminUrl}${path}`, options.serviceToken),
    signal: (signal) => void child.kill(signal),
    ended,
    output: () => output,
    dispose,
  };
  const isReady = async (): Promise<true | undefined> =>
    (await router.look("/readyz")).status === 200 ? true : undefined;
  await until(isReady, { failed: () => over, output: () => output });
  return router;
}

interface Ports {
  readonly http: number;
  readonly grpc: number;
  readonly admin: number;
}

interface LogLine {
  readonly message?: string;
  readonly ports?: Ports;
  readonly worker?: number;
  readonly pid?: number;
  readonly workers?: number;
}

function openDoors(output: string): Ports | undefined {
  return linesOf(output).find(({ message, ports }) => {
    return message === "the doors are open" && (ports?.admin ?? 0) > 0;
  })?.ports;
}

function pidsOf(output: string, index: number): number[] {
  return linesOf(output)
    .filter(({ message, worker }) => message === "worker started" && worker === index)
    .map(({ pid }) => pid ?? 0);
}

function linesOf(output: string): LogLine[] {
  return output.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      // The last one is on its way.
      return [];
    }
  });
}

async function look(
  url: string,
  token: string,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: "" };
  }
}

async function until<Value>(
  find: () => Value | undefined | Promise<Value | undefined>,
  process_: { readonly failed: () => boolean; readonly output: () => string },
): Promise<Value> {
  const endMs = performance.now() + startTimeoutMs;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (process_.failed() || performance.now() > endMs) {
      throw new Error(`the router did not start: ${process_.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
