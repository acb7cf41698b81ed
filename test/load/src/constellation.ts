import { model } from "./bodies.ts";
import { configure } from "./control-client.ts";
import type { ControlClient } from "./control-client.ts";
import { startControlPlane, subfolder } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startNodeProcess } from "./node-process.ts";
import type { NodeProcess } from "./node-process.ts";
import { penstockNodeOptions } from "./penstock-node.ts";
import { startOtlpCounter } from "./otlp-counter.ts";
import type { OtlpCounter } from "./otlp-counter.ts";
import { cores } from "./pinning.ts";
import type { RouterInput } from "./programs/router-process.ts";
import type { MockProvider } from "./tools/toolbox.ts";

/** Penstock as in production, on one machine: the router in a process and on a core of its own. */
export interface Constellation {
  readonly router: NodeProcess;
  readonly control: ControlClient;
  readonly plane: ControlPlane;
  /** The end of the logs of both processes. */
  logs(): string;
  readonly spans: OtlpCounter;
  /** Text of a virtual key with a limit and a budget. */
  readonly key: string;
  /** Starts one more router, for what is different from the first. */
  addRouter(own: Pick<RouterInput, "replica" | "usageDurability">): Promise<NodeProcess>;
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
  /** True where consumers are held up: then the control services need not stand back for load. */
  readonly holdsConsumers?: boolean;
  /** Further parameters of the router's Node. */
  readonly routerNodeOptions?: readonly string[];
}

const configurationTimeoutMs = 20_000;

/** Starts bus, control services and router, and configures them. */
export async function startConstellation(options: ConstellationOptions): Promise<Constellation> {
  const { folder, pinned } = options;
  const spans = await startOtlpCounter();
  const plane = await startControlPlane({
    folder,
    background: pinned && options.holdsConsumers !== true,
  });
  const { control, busUrl, controlUrl, serviceToken } = plane;
  const key = await configure(control, `http://127.0.0.1:${options.mock.port}`);
  const routers: NodeProcess[] = [];
  const addRouter: Constellation["addRouter"] = async (own) => {
    const dataDir = subfolder(folder, own.replica);
    const input = { busUrl, controlUrl, serviceToken, dataDir, ...own } satisfies RouterInput;
    const process = await startNodeProcess({
      program: "router-process.ts",
      input,
      environment: tracedEnvironment(spans, options.traceRatio),
      core: pinned ? cores.measured : undefined,
      nodeOptions: [...penstockNodeOptions, ...(options.routerNodeOptions ?? [])],
    });
    routers.push(process);
    await untilConfigured(process.ports["http"] ?? 0, key);
    return process;
  };
  const router = await addRouter({ replica: "r1" });
  const stop = async (): Promise<void> => {
    for (const one of routers) await one.stop();
    await plane.stop();
    spans.close();
  };
  const logs = (): string =>
    `${routers.map((one) => one.output()).join("")}${plane.process.output()}`;
  return { router, control, plane, logs, spans, key, addRouter, stop };
}

/** The environment of a process that exports this share of its traces to the counter. */
export function tracedEnvironment(spans: OtlpCounter, traceRatio: number): Record<string, string> {
  return {
    PENSTOCK_LOG_LEVEL: "warn",
    OTEL_EXPORTER_OTLP_ENDPOINT: spans.url,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: String(traceRatio),
  };
}

/** A router may be ready with a configuration that is older than the key, or not be there yet. */
export async function untilConfigured(port: number, key: string, wanted = model): Promise<void> {
  const endMs = performance.now() + configurationTimeoutMs;
  for (;;) {
    const found = await listModels(port, key);
    if (found.includes(`"${wanted}"`)) return;
    if (performance.now() > endMs)
      throw new Error(`the router does not know the key and ${wanted}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function listModels(port: number, key: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}` };
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers });
    const text = await response.text();
    return response.status === 200 ? text : `${response.status} ${text}`;
  } catch (error) {
    return String(error);
  }
}
