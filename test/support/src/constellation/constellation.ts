import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { BalanceService, LedgerService, RouterService } from "@penstock/api";
import type { ApplyResourcesResponse, GetRequestResponse } from "@penstock/api";
import { createPenstockClient } from "@penstock/client";
import type { PenstockClient } from "@penstock/client";
import { openDatabaseServer } from "@penstock/database";
import { openTestDatabase } from "@penstock/database/testing";
import { createObservability } from "@penstock/observability";
import type { Observability } from "@penstock/observability";
import { applyManifests, compose } from "@penstock/penstock";
import type { Composition, ControlClients } from "@penstock/penstock";
import { createClient, createNetworkTransport } from "@penstock/rpc";
import type { Client } from "@penstock/rpc";
import { Secret, sleep, systemClock } from "@penstock/runtime";
import { createSimulator } from "@penstock/simulator";
import type { Simulator, SimulatedVendor } from "@penstock/simulator";
import type { OtlpReceiver } from "../traces/otlp-receiver.ts";

/** What a constellation starts with. */
export interface ConstellationOptions {
  /** Vendors of its simulator; alpha and beta with their two models each when absent. */
  readonly vendors?: Readonly<Record<string, SimulatedVendor>>;
  /** Manifests to apply, given the address of the simulator. */
  readonly resources?: (simulatorUrl: string) => string;
  /** Variables set in this process as long as it runs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A NATS server; inside the process when absent. */
  readonly busUrl?: string;
  /** A PostgreSQL database; PGlite in memory when absent. */
  readonly databaseUrl?: string;
  /** For routers in other processes; a random one when absent. */
  readonly serviceToken?: string;
  /** Where spans go; nowhere when absent. */
  readonly otlp?: OtlpReceiver;
}

/** All roles in this process, on free ports. */
export interface Constellation {
  readonly httpUrl: string;
  readonly grpcAddress: string;
  readonly controlUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly simulator: Simulator;
  readonly control: ControlClients;
  readonly balances: Client<typeof BalanceService>;
  readonly ledger: Client<typeof LedgerService>;
  readonly router: Client<typeof RouterService>;
  /** Every line that was logged. */
  readonly logLines: readonly string[];
  /** Applies manifests and waits until the router uses them. */
  apply(yaml: string): Promise<ApplyResourcesResponse>;
  /** Issues `projects/<project>/virtualKeys/<key>`, waits until it works, gives its clear text. */
  issueKey(name: string, fields?: KeyFields): Promise<string>;
  /** Waits until the router has this revision. */
  waitForRevision(revision: bigint): Promise<void>;
  /** A client of the gRPC door, closed with the constellation. */
  grpcClient(key: string): PenstockClient;
  /** All that is known about a request, as soon as it is. */
  request(requestId: string): Promise<GetRequestResponse>;
  close(): Promise<void>;
}

/** What of a virtual key tests set. */
export interface KeyFields {
  readonly trustTraceContext?: boolean;
  readonly maxConcurrentRequests?: number;
}

const revisionTimeoutMs = 10_000;
const lookEveryMs = 2;

/** Starts one; half a second, most of it for the database. */
export async function startConstellation(
  options: ConstellationOptions = {},
): Promise<Constellation> {
  const parts = new AsyncDisposableStack();
  try {
    return await start(options, parts);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function start(
  options: ConstellationOptions,
  parts: AsyncDisposableStack,
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
  const transport = (port: number) => {
    const opened = createNetworkTransport({
      url: `http://127.0.0.1:${port}`,
      token: new Secret(adminToken),
      tracer: observability.tracer,
    });
    parts.defer(() => opened.close());
    return opened.transport;
  };
  const control = transport(addresses.controlPort);
  const waitForRevision = (revision: bigint) => untilRevision(composition, revision);
  const apply = async (yaml: string): Promise<ApplyResourcesResponse> => {
    const applied = await applyManifests([{ file: "test.yaml", text: yaml }], clients);
    await waitForRevision(applied.revision);
    return applied;
  };
  if (options.resources !== undefined) await apply(options.resources(simulator.url));
  return {
    httpUrl: `http://127.0.0.1:${addresses.httpPort}`,
    grpcAddress: `127.0.0.1:${addresses.grpcPort}`,
    controlUrl: `http://127.0.0.1:${addresses.controlPort}`,
    adminUrl: `http://127.0.0.1:${addresses.adminPort}`,
    adminToken,
    simulator,
    control: clients,
    balances: createClient(BalanceService, control),
    ledger: createClient(LedgerService, control),
    router: createClient(RouterService, transport(addresses.adminPort)),
    logLines,
    apply,
    issueKey: async (name, fields = {}) => {
      const virtualKey = { name, ...fields };
      const issued = await clients.virtualKeys.createVirtualKey({ virtualKey });
      await waitForRevision(issued.revision);
      return issued.secret;
    },
    waitForRevision,
    grpcClient: (virtualKey) => {
      const address = `127.0.0.1:${addresses.grpcPort}`;
      const client = createPenstockClient({ address, virtualKey, timeoutMs: 30_000 });
      parts.defer(() => client.close());
      return client;
    },
    request: (requestId) =>
      clients.usage.getRequest({ requestId, wait: { seconds: 10n, nanos: 0 } }),
    close: () => parts.disposeAsync(),
  };
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
    AbortSignal.timeout(30_000),
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
