import { workerName } from "@penstock/bus";
import { silentObservability } from "@penstock/observability";
import type { ControlClients } from "@penstock/penstock";
import { generateKey, sleep, systemClock } from "@penstock/runtime";
import { createSimulator } from "@penstock/simulator";
import type { Simulator } from "@penstock/simulator";
import { inject } from "vitest";
import type { FaultProxy } from "../faults/fault-proxy.ts";
import { createRoleProcess } from "../processes/role-process.ts";
import type { RoleProcess } from "../processes/role-process.ts";
import { startNats } from "../servers/nats.ts";
import type { NatsServer } from "../servers/nats.ts";
import { startPostgres } from "../servers/postgres.ts";
import type { PostgresServer } from "../servers/postgres.ts";
import { makeServerFolder, removeServerFolder } from "../servers/server-process.ts";
import { createMigratedDatabase, createTemplateDatabase } from "../servers/test-databases.ts";
import type { Constellation, ConstellationOptions } from "./constellation.ts";
import { openLinks } from "./links.ts";
import type { LinkName, Links } from "./links.ts";
import { openGateway } from "./open-gateway.ts";
import { planRoles, takePorts } from "./role-plan.ts";
import type { RoleName, SitePorts } from "./role-plan.ts";

/** What of a constellation of processes is special. */
export interface ServersOptions extends ConstellationOptions {
  /** Workers of router 1 and router 2; 1 and 2 when absent. */
  readonly workers?: readonly [number, number];
  /** Links that lead through a fault proxy. */
  readonly links?: readonly LinkName[];
  /** True: a PostgreSQL of its own, which the test may kill. */
  readonly ownPostgres?: boolean;
  /** Variables of some roles alone. */
  readonly roleEnvironment?: Readonly<Partial<Record<RoleName, Readonly<Record<string, string>>>>>;
  /** Roles that the test starts itself. */
  readonly notStarted?: readonly RoleName[];
}

/** A constellation whose parts can be killed, stopped and started one by one. */
export interface ServersConstellation extends Constellation {
  readonly shape: "servers";
  role(name: RoleName): RoleProcess;
  /** Throws where the test brought its own with `busUrl`. */
  readonly nats: NatsServer;
  /** Throws where `ownPostgres` was not asked for. */
  readonly postgres: PostgresServer;
  /** Of its database, whosever server that is on. */
  readonly databaseUrl: string;
  /** Throws for a link that was not asked for. */
  link(name: LinkName): FaultProxy;
}

const revisionTimeoutMs = 60_000;
const lookEveryMs = 10;

/** Starts every role as a process on NATS and PostgreSQL, all at the same time; 2 to 4 s. */
export async function startServers(options: ServersOptions = {}): Promise<ServersConstellation> {
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
  options: ServersOptions,
): Promise<ServersConstellation> {
  const site = await openSite(parts, options);
  const { ports, links, roles, adminToken, simulator, logLines } = site;
  const started = [...roles].filter(([name]) => options.notStarted?.includes(name) !== true);
  for (const [, process] of started) process.start();
  const gateway = openGateway(
    {
      shape: "servers",
      routers: ports.routers.map((router) => ({
        httpUrl: `http://127.0.0.1:${router.http}`,
        grpcAddress: `127.0.0.1:${router.grpc}`,
        adminUrl: `http://127.0.0.1:${router.admin}`,
      })),
      policyUrl: `http://127.0.0.1:${ports.policy}`,
      quotaUrl: `http://127.0.0.1:${ports.quota}`,
      telemetryUrl: `http://127.0.0.1:${ports.telemetry}`,
      adminToken,
      simulator,
      tracer: silentObservability().tracer,
      logLines,
      untilRevision: (revision, control) =>
        untilRevision(revision, control, () => runningReplicas(site)),
    },
    options,
    parts,
  );
  const constellation = Object.defineProperties(gateway, {
    role: { value: (name: RoleName) => found(roles.get(name), name) },
    nats: { get: () => found(site.nats, "NATS of its own") },
    postgres: { get: () => found(site.postgres, "a PostgreSQL of its own") },
    databaseUrl: { value: site.databaseUrl },
    link: { value: links.link },
  }) as ServersConstellation;
  if (started.some(([name]) => name === "policy")) {
    await constellation.role("policy").untilReady();
    const { resources } = options;
    if (resources !== undefined) await gateway.apply(resources(links.reach.simulatorUrl));
  }
  await Promise.all(started.map(([, process]) => process.untilReady()));
  return constellation;
}

/** Servers, ports, links, and roles that are not started yet. */
interface Site {
  readonly nats: NatsServer | undefined;
  readonly postgres: PostgresServer | undefined;
  readonly databaseUrl: string;
  readonly simulator: Simulator;
  readonly ports: SitePorts;
  readonly links: Links;
  readonly adminToken: string;
  readonly roles: ReadonlyMap<RoleName, RoleProcess>;
  readonly workers: readonly [number, number];
  readonly logLines: readonly string[];
}

async function openSite(parts: AsyncDisposableStack, options: ServersOptions): Promise<Site> {
  const folder = makeServerFolder("constellation");
  parts.defer(() => removeServerFolder(folder));
  const { vendors, workers = [1, 2], busUrl } = options;
  const [nats, { postgres, databaseUrl }, simulator, ports] = await Promise.all([
    busUrl === undefined ? startNats() : undefined,
    openDatabase(options),
    createSimulator({ port: 0, bindAddress: "127.0.0.1", ...(vendors && { vendors }) }),
    takePorts(),
  ]);
  parts.defer(() => nats?.stop());
  parts.defer(() => postgres?.stop());
  parts.defer(() => simulator.close());
  const links = await openLinks(parts, options.links ?? [], {
    busUrl: busUrl ?? nats?.url ?? "",
    databaseUrl,
    simulatorUrl: simulator.url,
    quotaUrl: `http://127.0.0.1:${ports.quota}`,
    policyUrl: `http://127.0.0.1:${ports.policy}`,
  });
  const adminToken = generateKey("pat").text;
  const serviceToken = options.serviceToken ?? generateKey("pst").text;
  const logLines: string[] = [];
  const plan = planRoles({ ports, workers, adminToken, serviceToken, reach: links.reach });
  const shared = { ...options.environment, ...options.otlp?.environment };
  const roles = new Map<RoleName, RoleProcess>();
  for (const { name, role, environment, healthUrl } of plan) {
    const process = createRoleProcess({
      name,
      roles: role,
      folder,
      environment: { ...environment, ...shared, ...options.roleEnvironment?.[name] },
      healthUrl,
      token: serviceToken,
      onOutput: (text) => logLines.push(text),
    });
    parts.defer(() => process.kill());
    roles.set(name, process);
  }
  const servers = { nats, postgres, databaseUrl, simulator };
  return { ...servers, ports, links, adminToken, roles, workers, logLines };
}

/** A fresh database on the server of the run, or on one of its own. */
async function openDatabase({ ownPostgres }: ServersOptions) {
  const sharedUrl = ownPostgres === true ? undefined : inject("postgresUrl");
  const postgres = sharedUrl === undefined ? await startPostgres() : undefined;
  const serverUrl = sharedUrl ?? postgres?.url ?? "";
  if (postgres !== undefined) await createTemplateDatabase(serverUrl);
  return { postgres, databaseUrl: await createMigratedDatabase(serverUrl) };
}

/** The names by which the routers that run report: each worker has one. */
function runningReplicas({ roles, workers }: Site): string[] {
  return (["router-1", "router-2"] as const).flatMap((name, router) =>
    roles.get(name)?.isRunning === true
      ? Array.from({ length: workers[router] ?? 1 }, (_, at) => workerName(name, String(at)))
      : [],
  );
}

async function untilRevision(
  revision: bigint,
  control: ControlClients,
  expected: () => readonly string[],
): Promise<void> {
  const endMs = systemClock.monotonicMs() + revisionTimeoutMs;
  for (;;) {
    const { routers } = await control.rollout.listRouters({});
    const late = expected().filter((name) => {
      const status = routers.find(({ replica }) => replica === name);
      return status === undefined || status.appliedRevision < revision;
    });
    if (late.length === 0) return;
    if (systemClock.monotonicMs() > endMs) {
      throw new Error(`${late.join(", ")} did not take revision ${revision}`);
    }
    await sleep(systemClock, lookEveryMs);
  }
}

function found<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new Error(`this constellation has no ${name}`);
  return part;
}
