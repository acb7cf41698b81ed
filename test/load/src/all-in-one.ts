import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { configure, connectControl } from "./control-client.ts";
import type { ControlClient } from "./control-client.ts";
import { untilConfigured } from "./constellation.ts";
import { startNodeProcess } from "./node-process.ts";
import { penstockNodeOptions } from "./penstock-node.ts";
import type { NodeProcess } from "./node-process.ts";
import type { MockProvider } from "./tools/toolbox.ts";

/** What `npm start` runs: everything in one process, bus and database embedded. */
export interface AllInOne {
  readonly process: NodeProcess;
  readonly control: ControlClient;
  readonly httpPort: number;
  /** Text of a virtual key with a limit and a budget. */
  readonly key: string;
  stop(): Promise<void>;
}

const main = resolve(import.meta.dirname, "../../../services/penstock/src/main.ts");

/** Starts it in a folder of its own and configures it. */
export async function startAllInOne(folder: string, mock: MockProvider): Promise<AllInOne> {
  const dataDir = join(folder, "all-in-one");
  mkdirSync(dataDir);
  const doors = ["http", "grpc", "control", "admin", "simulator"];
  const ports = doors.flatMap((door) => [`--${door}-port`, "0"]);
  const process = await startNodeProcess({
    program: main,
    nodeOptions: penstockNodeOptions,
    parameters: ["start", "--data-dir", dataDir, ...ports],
    environment: { OPENAI_API_KEY: "", PENSTOCK_LOG_LEVEL: "warn" },
    readyText: "ready in",
  });
  const demo = parseEnv(readFileSync(join(dataDir, "demo.env"), "utf8"));
  const control = connectControl(
    demo["PENSTOCK_CONTROL_URL"] ?? "",
    demo["PENSTOCK_ADMIN_TOKEN"] ?? "",
  );
  const key = await configure(control, `http://127.0.0.1:${mock.port}`);
  const httpPort = Number(new URL(demo["OPENAI_BASE_URL"] ?? "").port);
  await untilConfigured(httpPort, key);
  const stop = async (): Promise<void> => {
    control.close();
    await process.stop();
  };
  return { process, control, httpPort, key, stop };
}
