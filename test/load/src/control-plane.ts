import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startNats } from "@penstock/test-support";
import { generateKey } from "@penstock/runtime";
import { connectControl } from "./control-client.ts";
import type { ControlClient } from "./control-client.ts";
import { startNodeProcess } from "./node-process.ts";
import type { NodeProcess } from "./node-process.ts";
import { penstockNodeOptions } from "./penstock-node.ts";
import type { ControlInput } from "./programs/control-process.ts";

/** NATS, and policy, quota and telemetry as a process beside it: what routers are started with. */
export interface ControlPlane {
  readonly busUrl: string;
  readonly controlUrl: string;
  readonly serviceToken: string;
  readonly control: ControlClient;
  readonly process: NodeProcess;
  stop(): Promise<void>;
}

/** What it is started with. */
export interface ControlPlaneOptions {
  readonly folder: string;
  /** Whether it gets only what all others leave of the processor: where consumers work under load. */
  readonly background: boolean;
}

/** Starts it; nothing is configured. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const nats = await startNats();
  const busUrl = nats.url;
  const serviceToken = generateKey("pst").text;
  const adminToken = generateKey("pat").text;
  const dataDir = subfolder(options.folder, "control");
  const process = await startNodeProcess({
    program: "control-process.ts",
    nodeOptions: penstockNodeOptions,
    input: { busUrl, serviceToken, adminToken, dataDir } satisfies ControlInput,
    environment: { PENSTOCK_LOG_LEVEL: "warn", OTEL_SDK_DISABLED: "true" },
    background: options.background,
  });
  const controlUrl = `http://127.0.0.1:${process.ports["control"]}`;
  const control = connectControl(controlUrl, adminToken);
  const stop = async (): Promise<void> => {
    control.close();
    await process.stop();
    await nats.stop();
  };
  return { busUrl, controlUrl, serviceToken, control, process, stop };
}

/** Makes a folder inside a folder. */
export function subfolder(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  return folder;
}
