import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { GatewayError } from "@penstock/errors";
import { sleep, systemClock } from "@penstock/runtime";
import type { Secret } from "@penstock/runtime";
import type { ControlClients } from "./api/clients.ts";
import { clientVariables, readDemoEnv, writeDemoEnv } from "./demo-env.ts";
import type { DemoEnvironment } from "./demo-env.ts";
import type { FirstRunResult } from "./first-run.ts";
import { setUpDemo } from "./first-run.ts";

/** What the demo is set up with from outside of the processes that serve it. */
export interface SuiteDemoOptions {
  readonly clients: ControlClients;
  readonly dataDir: string;
  readonly openaiKey: Secret | undefined;
  /** Addresses and token for the file. */
  readonly values: DemoEnvironment & {
    readonly OPENAI_BASE_URL: string;
    readonly PENSTOCK_SIMULATOR_URL: string;
  };
  readonly signal?: AbortSignal;
}

const awaitSeconds = 2n;
const patienceMs = 60_000;
const pauseMs = 200;

/**
 * Brings the demo in order through the control services, waits until every router has it, and
 * writes demo.env. Waits up to a minute for a router that is not there yet.
 *
 * @throws GatewayError NOT_READY when no router took it in time, or what the services say.
 */
export async function setUpSuiteDemo(options: SuiteDemoOptions): Promise<FirstRunResult> {
  const { clients, dataDir, openaiKey, values } = options;
  const result = await setUpDemo({
    clients,
    simulatorUrl: values.PENSTOCK_SIMULATOR_URL,
    openaiKey,
    knownKey: readDemoEnv(dataDir).OPENAI_API_KEY,
  });
  await untilEverywhere(clients, result.revision, options.signal);
  writeDemoEnv(dataDir, { ...values, ...clientVariables(values.OPENAI_BASE_URL, result.key) });
  return result;
}

async function untilEverywhere(
  { rollout }: Pick<ControlClients, "rollout">,
  revision: bigint,
  signal: AbortSignal | undefined,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + patienceMs;
  const timeout = create(DurationSchema, { seconds: awaitSeconds });
  while (systemClock.monotonicMs() < endMs) {
    const answer = await rollout.awaitRevision({ revision, timeout });
    if (answer.applied && answer.routers.length > 0) return;
    await sleep(systemClock, pauseMs, signal);
  }
  const message = `No router has taken revision ${revision} in a minute; see penstock routers.`;
  throw new GatewayError("NOT_READY", message, { source: "gateway" });
}
