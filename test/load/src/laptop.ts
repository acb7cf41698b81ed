import { generateKey } from "@penstock/runtime";
import { tracedEnvironment, untilConfigured } from "./constellation.ts";
import { configure, connectControl } from "./control-client.ts";
import type { ControlClient } from "./control-client.ts";
import { subfolder } from "./control-plane.ts";
import type { HttpTarget } from "./lanes.ts";
import { startNodeProcess } from "./node-process.ts";
import type { NodeProcess } from "./node-process.ts";
import { penstockNodeOptions } from "./penstock-node.ts";
import { startOtlpCounter } from "./otlp-counter.ts";
import type { OtlpCounter } from "./otlp-counter.ts";
import type { LaptopInput } from "./programs/laptop-process.ts";
import type { MockProvider } from "./tools/toolbox.ts";
import { measuredCore, traceRatio } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

/** All roles in one process, with consumers that can be held up. */
export interface Laptop extends HttpTarget {
  readonly process: NodeProcess;
  readonly control: ControlClient;
  readonly spans: OtlpCounter;
  stop(): Promise<void>;
}

/** Starts and configures it. */
export async function startLaptop(
  bench: Workbench,
  folder: string,
  mock: MockProvider,
): Promise<Laptop> {
  const spans = await startOtlpCounter();
  const adminToken = generateKey("pat").text;
  const process = await startNodeProcess({
    program: "laptop-process.ts",
    nodeOptions: penstockNodeOptions,
    input: {
      adminToken,
      serviceToken: generateKey("pst").text,
      dataDir: subfolder(folder, "router"),
      databaseDir: subfolder(folder, "database"),
    } satisfies LaptopInput,
    environment: tracedEnvironment(spans, traceRatio),
    core: measuredCore(bench),
  });
  const control = connectControl(`http://127.0.0.1:${process.ports["control"]}`, adminToken);
  const key = await configure(control, `http://127.0.0.1:${mock.port}`);
  const httpPort = process.ports["http"] ?? 0;
  await untilConfigured(httpPort, key);
  const stop = async (): Promise<void> => {
    control.close();
    await process.stop();
    spans.close();
  };
  return { process, control, spans, httpPort, key, stop };
}
