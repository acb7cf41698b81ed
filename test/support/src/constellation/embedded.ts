import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openDatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { createObservability } from "@penstock/observability";
import type { Observability } from "@penstock/observability";
import { compose } from "@penstock/penstock";
import type { Composition } from "@penstock/penstock";
import { Secret, sleep, systemClock } from "@penstock/runtime";
import { createSimulator } from "@penstock/simulator";
import type { Constellation, ConstellationOptions } from "./constellation.ts";
import { openGateway } from "./open-gateway.ts";

const startTimeoutMs = 90_000;
const revisionTimeoutMs = 30_000;
const lookEveryMs = 2;

/** Starts all roles in this process. */
export async function startEmbedded(options: ConstellationOptions): Promise<Constellation> {
  const parts = new AsyncDisposableStack();
  try {
    return await startInto(parts, options);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function startInto(
  parts: AsyncDisposableStack,
  options: ConstellationOptions,
): Promise<Constellation> {
  parts.defer(setEnvironment({ ...options.environment, ...options.otlp?.environment }));
  const simulator = await createSimulator({
    port: 0,
    bindAddress: "127.0.0.1",
    ...(options.vendors && { vendors: options.vendors }),
  });
  parts.defer(() => simulator.close());
  const logLines: string[] = [];
  const observability = await createObservability({
    serviceName: "penstock",
    clock: systemClock,
    writeLog: (line) => logLines.push(line),
  });
  parts.defer(() => observability.shutdown(5_000));
  const composition = await startRoles(parts, observability, options);
  const { addresses, adminToken, clients } = composition;
  const controlUrl = `http://127.0.0.1:${addresses.controlPort}`;
  const gateway = openGateway(
    {
      shape: "embedded",
      routers: [
        {
          httpUrl: `http://127.0.0.1:${addresses.httpPort}`,
          grpcAddress: `127.0.0.1:${addresses.grpcPort}`,
          adminUrl: `http://127.0.0.1:${addresses.adminPort}`,
        },
      ],
      policyUrl: controlUrl,
      quotaUrl: controlUrl,
      telemetryUrl: controlUrl,
      adminToken,
      simulator,
      tracer: observability.tracer,
      logLines,
      control: clients,
      untilRevision: (revision) => untilRevision(composition, revision),
    },
    options,
    parts,
  );
  if (options.resources !== undefined) await gateway.apply(options.resources(simulator.url));
  return gateway;
}

async function startRoles(
  parts: AsyncDisposableStack,
  observability: Observability,
  { busUrl, databaseUrl: url, serviceToken }: ConstellationOptions,
): Promise<Composition> {
  const { logger } = observability;
  const dataDir = mkdtempSync(join(tmpdir(), "penstock-constellation-"));
  parts.defer(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 }));
  const composition = await compose(
    {
      settings: {
        ports: { http: 0, grpc: 0, control: 0, admin: 0, simulator: 0 },
        dataDir,
        bindAddress: "127.0.0.1",
        adminToken: undefined,
        serviceToken: serviceToken === undefined ? undefined : new Secret(serviceToken),
        replica: undefined,
        busUrl,
        databaseUrl: url,
        openaiKey: undefined,
      },
      database:
        url === undefined ? openTestDatabase(logger) : openDatabaseServer({ url, dataDir, logger }),
      observability,
      clock: systemClock,
      knownAdminToken: undefined,
      prepare: async () => {},
    },
    AbortSignal.timeout(startTimeoutMs),
  );
  parts.defer(() => composition.stop(2_000));
  return composition;
}

async function untilRevision({ configuration }: Composition, revision: bigint): Promise<void> {
  const endMs = systemClock.monotonicMs() + revisionTimeoutMs;
  while ((configuration.current()?.revision ?? 0n) < revision) {
    if (systemClock.monotonicMs() > endMs) {
      throw new Error(`the router stays at ${configuration.current()?.revision} of ${revision}`);
    }
    await sleep(systemClock, lookEveryMs);
  }
}

/** Sets variables; the function given back restores what was there. */
function setEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
