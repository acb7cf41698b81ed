// The suite on one machine: NATS and PostgreSQL, then every role as a process, as one command.
//   servers → migrations → policy, quota, telemetry, simulator → routers → demo → the card
// Whatever ends unasked is started again; Ctrl-C drains in the opposite order.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { openDatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { createNetworkTransport } from "@penstock/rpc";
import { inheritedEnvironment, Secret, systemClock } from "@penstock/runtime";
import { reachableHost } from "../addresses.ts";
import { createControlClients } from "../api/clients.ts";
import { clientVariables, writeDemoEnv } from "../demo-env.ts";
import type { FirstRunResult } from "../first-run.ts";
import { explainMigrationFailure, migrateDatabase } from "../migrate-database.ts";
import { setUpSuiteDemo } from "../set-up-suite-demo.ts";
import type { StartSettings } from "../settings.ts";
import { KeptProcess } from "./kept-process.ts";
import type { KeptProcessOptions } from "./kept-process.ts";
import type { ProcessList } from "./left-behind.ts";
import { prepareNats, preparePostgres } from "./start-servers.ts";
import type { SuiteServer } from "./start-servers.ts";
import type { SuiteLog } from "./suite-log.ts";
import { planSuite } from "./suite-plan.ts";
import type { SuitePart, SuitePorts } from "./suite-plan.ts";
import { stopInTurn } from "./stop-in-turn.ts";
import type { SuiteSecrets } from "./suite-secrets.ts";
import { untilAnswered, untilTrue } from "./until-ready.ts";

/** What a suite is started with. */
export interface SuiteOptions {
  readonly settings: StartSettings;
  readonly ports: SuitePorts;
  readonly secrets: SuiteSecrets;
  /** Folder of the suite, below the data folder. */
  readonly folder: string;
  readonly processes: ProcessList;
  readonly log: SuiteLog;
  readonly withDemo: boolean;
}

/** What came of the start, for the card. */
export interface SuiteResult {
  readonly addresses: ReturnType<typeof addressesOf>;
  readonly demo: FirstRunResult | undefined;
}

const mainFile = join(import.meta.dirname, "..", "main.ts");

/** A suite on this machine. */
export class Suite {
  readonly #options: SuiteOptions;
  readonly #servers: KeptProcess[] = [];
  readonly #parts: KeptProcess[][] = [];

  constructor(options: SuiteOptions) {
    this.#options = options;
  }

  /** Starts everything; resolves when all of it is ready. Throws what kept it from that. */
  async start(signal: AbortSignal): Promise<SuiteResult> {
    const { settings, ports, secrets, log } = this.#options;
    const { busUrl, databaseUrl } = await this.#startServers(signal);
    await this.#migrate(databaseUrl);
    const { bindAddress } = settings;
    const host = reachableHost(bindAddress);
    const site = { ports, secrets, bindAddress, host, busUrl, databaseUrl };
    for (const group of planSuite(site)) {
      log.say(`starting ${group.map(({ name }) => name).join(", ")}`);
      const kept = group.map((part) => this.#keepPart(part));
      this.#parts.push(kept);
      for (const part of kept) part.start();
      await Promise.all(group.map((part) => untilAnswered(part.name, part.readyUrl, log, signal)));
    }
    const addresses = addressesOf(ports, host, secrets.adminToken);
    const demo = await this.#setUpDemo(addresses, signal);
    return { addresses, demo };
  }

  /** Routers first, so that what they counted is taken over; servers last. */
  async stop(hurry: AbortSignal): Promise<void> {
    await stopInTurn([...this.#parts.toReversed(), this.#servers], hurry);
    this.#options.processes.clear();
  }

  async #startServers(signal: AbortSignal) {
    const { settings, ports, secrets, folder } = this.#options;
    const site = (name: string, port: number, password: string) => {
      return { folder, port, password, hooks: this.#hooks(name) };
    };
    const busUrl =
      settings.busUrl ??
      (await this.#startServer("nats", signal, async () =>
        prepareNats(site("nats", ports.bus, secrets.busPassword)),
      ));
    const databaseUrl =
      settings.databaseUrl ??
      (await this.#startServer("postgres", signal, () =>
        preparePostgres(site("postgres", ports.database, secrets.databasePassword)),
      ));
    return { busUrl, databaseUrl };
  }

  async #startServer(
    name: string,
    signal: AbortSignal,
    prepare: () => Promise<SuiteServer>,
  ): Promise<string> {
    const startMs = systemClock.monotonicMs();
    const server = await prepare();
    this.#servers.push(server.process);
    server.process.start();
    await untilTrue(name, () => server.isUp(), signal);
    const tookMs = systemClock.monotonicMs() - startMs;
    this.#options.log.say(`${name} is up after ${(tookMs / 1_000).toFixed(1)} s`);
    return server.url;
  }

  async #migrate(url: string): Promise<void> {
    const { log } = this.#options;
    const { logger } = silentObservability();
    const server = await openDatabaseServer({ url, dataDir: "", logger });
    try {
      for (const { schema, applied } of await migrateDatabase(server)) {
        if (applied.length > 0) log.say(`schema ${schema} is migrated: ${applied.join(", ")}`);
      }
    } catch (thrown) {
      throw explainMigrationFailure(thrown);
    } finally {
      await server.close();
    }
  }

  async #setUpDemo(
    values: SuiteResult["addresses"],
    signal: AbortSignal,
  ): Promise<FirstRunResult | undefined> {
    const { settings, withDemo, log } = this.#options;
    const { dataDir, openaiKey } = settings;
    if (!withDemo) {
      writeDemoEnv(dataDir, { ...values, ...clientVariables(values.OPENAI_BASE_URL, undefined) });
      return undefined;
    }
    log.say("setting up the demo");
    const { tracer } = silentObservability();
    const token = new Secret(values.PENSTOCK_ADMIN_TOKEN);
    const url = values.PENSTOCK_CONTROL_URL;
    const { transport, close } = createNetworkTransport({ url, token, tracer });
    try {
      const clients = createControlClients(transport);
      return await setUpSuiteDemo({ clients, dataDir, openaiKey, values, signal });
    } finally {
      close();
    }
  }

  #keepPart({ name, role, environment }: SuitePart): KeptProcess {
    const folder = join(this.#options.folder, name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const inherited = { PENSTOCK_ROLES: undefined, PENSTOCK_DATABASE_URL: undefined };
    return new KeptProcess({
      name,
      command: process.execPath,
      parameters: [...process.execArgv, mainFile, "start", "--role", role, "--data-dir", folder],
      environment: inheritedEnvironment({ ...inherited, ...withoutTokens, ...environment }),
      ...this.#hooks(name),
    });
  }

  #hooks(name: string): Pick<KeptProcessOptions, "onLine" | "onStart" | "onDeath"> {
    const { log, processes } = this.#options;
    return {
      onLine: (line) => log.line(name, line),
      onStart: (pid) => processes.note(name, pid),
      onDeath: (how, restartInMs) => {
        log.say(`${name} ${how}; it is started again in ${restartInMs / 1_000} s`);
      },
    };
  }
}

/** What only some parts may know. */
const withoutTokens = { PENSTOCK_ADMIN_TOKEN: undefined, DATABASE_URL: undefined };

function addressesOf(ports: SuitePorts, host: string, adminToken: string) {
  const [router = { http: 0, grpc: 0, admin: 0 }] = ports.routers;
  return {
    OPENAI_BASE_URL: `http://${host}:${router.http}/v1`,
    PENSTOCK_GRPC_ADDRESS: `${host}:${router.grpc}`,
    PENSTOCK_CONTROL_URL: `http://${host}:${ports.policy}`,
    PENSTOCK_QUOTA_URL: `http://${host}:${ports.quota}`,
    PENSTOCK_TELEMETRY_URL: `http://${host}:${ports.telemetry}`,
    PENSTOCK_ADMIN_URL: `http://${host}:${router.admin}`,
    PENSTOCK_ADMIN_TOKEN: adminToken,
    PENSTOCK_SIMULATOR_URL: `http://${host}:${ports.simulator}`,
  };
}
