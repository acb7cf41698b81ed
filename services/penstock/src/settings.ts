import { isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import type { EnvironmentSpec, EnvironmentValues, Secret } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";
import type { TlsSettings } from "./certificates/tls-settings.ts";
import { readTlsSettings } from "./certificates/tls-settings.ts";
import type { Role } from "./roles.ts";
import { readRoles } from "./roles.ts";

/** The doors that `start` opens, in the order in which they are named. */
export const doors = ["http", "grpc", "control", "admin", "simulator"] as const;

/** One door. */
export type Door = (typeof doors)[number];

/** The variable that sets the port of each door. */
export const portVariables: Readonly<Record<Door, string>> = {
  http: "PENSTOCK_HTTP_PORT",
  grpc: "PENSTOCK_GRPC_PORT",
  control: "PENSTOCK_CONTROL_PORT",
  admin: "PENSTOCK_ADMIN_PORT",
  simulator: "PENSTOCK_SIMULATOR_PORT",
};

const defaultPorts: Readonly<Record<Door, number>> = {
  http: 8080,
  grpc: 8081,
  control: 8082,
  admin: 8083,
  simulator: 8084,
};

const httpUrl = { kind: "url", schemes: ["http", "https"] } as const;

const spec = {
  role: { name: "PENSTOCK_ROLES", kind: "string" },
  httpPort: { name: portVariables.http, kind: "port" },
  grpcPort: { name: portVariables.grpc, kind: "port" },
  controlPort: { name: portVariables.control, kind: "port" },
  adminPort: { name: portVariables.admin, kind: "port" },
  simulatorPort: { name: portVariables.simulator, kind: "port" },
  dataDir: { name: "PENSTOCK_DATA_DIR", kind: "string" },
  bindAddress: { name: "PENSTOCK_BIND_ADDRESS", kind: "string" },
  adminToken: { name: "PENSTOCK_ADMIN_TOKEN", kind: "secret" },
  serviceToken: { name: "PENSTOCK_SERVICE_TOKEN", kind: "secret" },
  replica: { name: "PENSTOCK_REPLICA", kind: "string" },
  busUrl: { name: "PENSTOCK_BUS_URL", kind: "string" },
  busCredentials: { name: "PENSTOCK_BUS_CREDENTIALS", kind: "string" },
  busCa: { name: "PENSTOCK_BUS_CA", kind: "string" },
  busReplicas: { name: "PENSTOCK_BUS_REPLICAS", kind: "integer", min: 1, max: 5 },
  databaseUrl: { name: "PENSTOCK_DATABASE_URL", kind: "string" },
  policyUrl: { name: "PENSTOCK_POLICY_URL", ...httpUrl },
  quotaUrl: { name: "PENSTOCK_QUOTA_URL", ...httpUrl },
  telemetryUrl: { name: "PENSTOCK_TELEMETRY_URL", ...httpUrl },
  reflection: { name: "PENSTOCK_REFLECTION", kind: "boolean" },
  migrate: { name: "PENSTOCK_MIGRATE", kind: "boolean" },
  quotaWait: { name: "PENSTOCK_QUOTA_WAIT", kind: "duration", min: 1, max: 5_000 },
  drainGrace: { name: "PENSTOCK_DRAIN_GRACE", kind: "duration", max: 60_000 },
  drainTimeout: { name: "PENSTOCK_DRAIN_TIMEOUT", kind: "duration", max: 3_600_000 },
  openaiKey: { name: "OPENAI_API_KEY", kind: "secret" },
} as const satisfies EnvironmentSpec;

type SettingName = keyof typeof spec;
type Environment = Readonly<Record<string, string | undefined>>;

/** Flags of `start` as given, by the name of the setting that they win over. */
export type SettingFlags = Partial<Readonly<Record<SettingName, string | undefined>>>;

/** What `start` runs with. Ports: 0 takes a free one. */
export interface StartSettings {
  /** Absent: all of them in this process, which then needs no server. */
  readonly roles?: readonly Role[] | undefined;
  readonly ports: Readonly<Record<Door, number>>;
  /** Absolute path. */
  readonly dataDir: string;
  readonly bindAddress: string;
  /** Absent: made at the first start and kept in the demo's environment file. */
  readonly adminToken: Secret | undefined;
  /** Absent: a random one for this process. */
  readonly serviceToken: Secret | undefined;
  readonly replica: string | undefined;
  /** Absent: inside the process. */
  readonly busUrl: string | undefined;
  /** File with the user of the bus; wins over the URL. */
  readonly busCredentials?: string | undefined;
  /** File with the authorities that the bus is checked with. */
  readonly busCa?: string | undefined;
  /** Copies of everything on a cluster; absent: three. */
  readonly busReplicas?: number | undefined;
  /** Absent: in the data folder. */
  readonly databaseUrl: string | undefined;
  /** Of services that are not in this process. */
  readonly policyUrl?: string | undefined;
  readonly quotaUrl?: string | undefined;
  readonly telemetryUrl?: string | undefined;
  /** Whether the gRPC door describes itself; absent: yes, but not for roles. */
  readonly reflection?: boolean | undefined;
  /** Whether the start migrates the database; absent: yes, but not for roles. */
  readonly migrate?: boolean | undefined;
  /** Longest wait of a request for quota; absent: what fits the distance to it. */
  readonly quotaWaitMs?: number | undefined;
  /** How long is still accepted at the end; absent: see `drainGraceOf`. */
  readonly drainGraceMs?: number | undefined;
  /** How long what is open has at the end; absent: 5 s, for roles 120 s or, without a router, 30 s. */
  readonly drainTimeoutMs?: number | undefined;
  readonly openaiKey: Secret | undefined;
  /** Absent: everything in cleartext, and no token leaves the machine. */
  readonly tls?: TlsSettings | undefined;
}

/**
 * Reads the settings: a flag wins over the environment, that over the default.
 *
 * @throws GatewayError FIELD_INVALID that names every wrong variable or flag.
 */
export function readStartSettings(
  flags: SettingFlags = {},
  environment?: Environment,
): StartSettings {
  const given = readFlags(flags);
  const surroundings = environment === undefined ? {} : { environment };
  const fromEnvironment = readEnvironment(spec, surroundings);
  const value = <Name extends SettingName>(name: Name) => given[name] ?? fromEnvironment[name];
  return {
    roles: readRoles(value("role")),
    ports: {
      http: value("httpPort") ?? defaultPorts.http,
      grpc: value("grpcPort") ?? defaultPorts.grpc,
      control: value("controlPort") ?? defaultPorts.control,
      admin: value("adminPort") ?? defaultPorts.admin,
      simulator: value("simulatorPort") ?? defaultPorts.simulator,
    },
    dataDir: resolve(value("dataDir") ?? defaultDataDir),
    bindAddress: value("bindAddress") ?? "127.0.0.1",
    adminToken: value("adminToken"),
    serviceToken: value("serviceToken"),
    replica: value("replica"),
    busUrl: value("busUrl"),
    busCredentials: value("busCredentials"),
    busCa: value("busCa"),
    busReplicas: value("busReplicas"),
    databaseUrl: value("databaseUrl"),
    policyUrl: value("policyUrl"),
    quotaUrl: value("quotaUrl"),
    telemetryUrl: value("telemetryUrl"),
    reflection: value("reflection"),
    migrate: value("migrate"),
    quotaWaitMs: value("quotaWait"),
    drainGraceMs: value("drainGrace"),
    drainTimeoutMs: value("drainTimeout"),
    openaiKey: value("openaiKey"),
    tls: readTlsSettings(environment),
  };
}

/** The data folder when nobody names one, below the working folder. */
export const defaultDataDir = ".penstock";

/** The data folder alone, for commands that only look for a running Penstock. */
export function readDataDir(flag: string | undefined, environment?: Environment): string {
  const surroundings = environment === undefined ? {} : { environment };
  const { dataDir } = readEnvironment({ dataDir: spec.dataDir }, surroundings);
  return resolve(flag ?? dataDir ?? defaultDataDir);
}

/** A path as people would type it: relative when it is below the working folder. */
export function shownPath(path: string, workingFolder: string = process.cwd()): string {
  const absolute = isAbsolute(path) ? path : join(workingFolder, path);
  const prefix = `${workingFolder}/`;
  return absolute.startsWith(prefix) ? absolute.slice(prefix.length) : absolute;
}

/** Flags are checked like variables; messages name the flag. */
function readFlags(flags: SettingFlags): Partial<EnvironmentValues<typeof spec>> {
  const named = Object.fromEntries(
    Object.entries(spec).map(([key, variable]) => [key, { ...variable, name: flagName(key) }]),
  ) as unknown as typeof spec;
  const environment = Object.fromEntries(
    Object.entries(flags).map(([key, text]) => [flagName(key), text]),
  );
  return readEnvironment(named, { environment });
}

function flagName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
