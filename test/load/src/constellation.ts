import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startNats } from "@penstock/test-support";
import { generateKey } from "@penstock/runtime";
import { configure, connectControl } from "./control-client.ts";
import type { ControlClient } from "./control-client.ts";
import { startNodeProcess } from "./node-process.ts";
import type { NodeProcess } from "./node-process.ts";
import { startOtlpCounter } from "./otlp-counter.ts";
import type { OtlpCounter } from "./otlp-counter.ts";
import { cores } from "./pinning.ts";
import type { ControlInput } from "./programs/control-process.ts";
import type { RouterInput } from "./programs/router-process.ts";
import type { MockProvider } from "./tools/toolbox.ts";

/** Penstock as in production, on one machine: the router in a process and on a core of its own. */
export interface Constellation {
  readonly router: NodeProcess;
  readonly control: ControlClient;
  /** The end of the logs of both processes. */
  logs(): string;
  readonly spans: OtlpCounter;
  /** Text of a virtual key with a limit and a budget. */
  readonly key: string;
  stop(): Promise<void>;
}

/** What it is started with. */
export interface ConstellationOptions {
  readonly folder: string;
  readonly mock: MockProvider;
  /** Whether processes are tied to cores. */
  readonly pinned: boolean;
  /** Share of requests that are traced. */
  readonly traceRatio: number;
  /** Further parameters of the router's Node. */
  readonly routerNodeOptions?: readonly string[];
}

const configurationTimeoutMs = 20_000;

/** Starts bus, control services and router, and configures them. */
export async function startConstellation(options: ConstellationOptions): Promise<Constellation> {
  const nats = await startNats();
  const spans = await startOtlpCounter();
  const serviceToken = generateKey("pst").text;
  const adminToken = generateKey("pat").text;
  const controlDir = folderOf(options.folder, "control");
  const busUrl = nats.url;
  const controlProcess = await startNodeProcess({
    program: "control-process.ts",
    input: { busUrl, serviceToken, adminToken, dataDir: controlDir } satisfies ControlInput,
    environment: { PENSTOCK_LOG_LEVEL: "warn", OTEL_SDK_DISABLED: "true" },
    background: options.pinned,
  });
  const controlUrl = `http://127.0.0.1:${controlProcess.ports["control"]}`;
  const control = connectControl(controlUrl, adminToken);
  const key = await configure(control, `http://127.0.0.1:${options.mock.port}`);
  const dataDir = folderOf(options.folder, "router");
  const router = await startNodeProcess({
    program: "router-process.ts",
    input: { busUrl, controlUrl, serviceToken, dataDir, replica: "r1" } satisfies RouterInput,
    environment: {
      PENSTOCK_LOG_LEVEL: "warn",
      OTEL_EXPORTER_OTLP_ENDPOINT: spans.url,
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: String(options.traceRatio),
    },
    core: options.pinned ? cores.measured : undefined,
    nodeOptions: options.routerNodeOptions ?? [],
  });
  await untilConfigured(router.ports["http"] ?? 0, key);
  const stop = async (): Promise<void> => {
    await router.stop();
    control.close();
    await controlProcess.stop();
    spans.close();
    await nats.stop();
  };
  const logs = (): string => `${router.output()}${controlProcess.output()}`;
  return { router, control, logs, spans, key, stop };
}

function folderOf(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  return folder;
}

/** A router may be ready with a configuration that is older than the key. */
export async function untilConfigured(port: number, key: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}` };
  const endMs = performance.now() + configurationTimeoutMs;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers });
    const text = await response.text();
    if (response.status === 200 && text.includes("gpt-4o-mini")) return;
    if (performance.now() > endMs) throw new Error(`the router does not know the key: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
