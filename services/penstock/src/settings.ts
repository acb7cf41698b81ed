import { isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import type { EnvironmentValues, Secret } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";
import type { TlsSettings } from "./certificates/tls-settings.ts";
import { readTlsSettings } from "./certificates/tls-settings.ts";
import type { Role } from "./roles.ts";
import { readRoles } from "./roles.ts";
import { startVariables } from "./start-variables.ts";

/** The doors that `start` opens, in the order in which they are named. */
export const doors = ["http", "grpc", "control", "admin", "simulator"] as const;

/** One door. */
export type Door = (typeof doors)[number];

/** The variable that sets the port of each door. */
export const portVariables: Readonly<Record<Door, string>> = {
  http: startVariables.httpPort.name,
  grpc: startVariables.grpcPort.name,
  control: startVariables.controlPort.name,
  admin: startVariables.adminPort.name,
  simulator: startVariables.simulatorPort.name,
};

type SettingName = keyof typeof startVariables;
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
  const fromEnvironment = readEnvironment(startVariables, surroundings);
  const value = <Name extends SettingName>(name: Name) => given[name] ?? fromEnvironment[name];
  return {
    roles: readRoles(value("role")),
    ports: {
      http: value("httpPort"),
      grpc: value("grpcPort"),
      control: value("controlPort"),
      admin: value("adminPort"),
      simulator: value("simulatorPort"),
    },
    dataDir: resolve(value("dataDir")),
    bindAddress: value("bindAddress"),
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
export const defaultDataDir = startVariables.dataDir.default;

/** The data folder alone, for commands that only look for a running Penstock. */
export function readDataDir(flag: string | undefined, environment?: Environment): string {
  const surroundings = environment === undefined ? {} : { environment };
  const { dataDir } = readEnvironment({ dataDir: startVariables.dataDir }, surroundings);
  return resolve(flag ?? dataDir);
}

/** A path as people would type it: relative when it is below the working folder. */
export function shownPath(path: string, workingFolder: string = process.cwd()): string {
  const absolute = isAbsolute(path) ? path : join(workingFolder, path);
  const prefix = `${workingFolder}/`;
  return absolute.startsWith(prefix) ? absolute.slice(prefix.length) : absolute;
}

/** Flags are checked like variables; messages name the flag, and an absent one has no default. */
function readFlags(flags: SettingFlags): Partial<EnvironmentValues<typeof startVariables>> {
  const named = Object.fromEntries(
    Object.entries(startVariables).map(([key, variable]) => [
      key,
      { ...variable, name: flagName(key), default: undefined },
    ]),
  ) as unknown as typeof startVariables;
  const environment = Object.fromEntries(
    Object.entries(flags).map(([key, text]) => [flagName(key), text]),
  );
  return readEnvironment(named, { environment });
}

function flagName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
