import type { Role } from "../roles.ts";
import type { SuiteSecrets } from "./suite-secrets.ts";

/** Every port of a suite on one machine. */
export interface SuitePorts {
  readonly policy: number;
  readonly quota: number;
  readonly telemetry: number;
  readonly simulator: number;
  readonly bus: number;
  readonly database: number;
  readonly routers: readonly RouterPorts[];
}

/** The doors of one router. */
export interface RouterPorts {
  readonly http: number;
  readonly grpc: number;
  readonly admin: number;
}

/** Router 1 and the control services have the ports of `npm start`. */
export const defaultSuitePorts: SuitePorts = {
  policy: 8082,
  quota: 8085,
  telemetry: 8086,
  simulator: 8084,
  bus: 8087,
  database: 8088,
  routers: [
    { http: 8080, grpc: 8081, admin: 8083 },
    { http: 8090, grpc: 8091, admin: 8093 },
  ],
};

/** Workers of router 1, router 2, …: with two routers both ways of running one are there. */
const workersOfRouters = [1, 2];

/** What the plan is made for. */
export interface SuiteSite {
  readonly ports: SuitePorts;
  readonly secrets: SuiteSecrets;
  readonly bindAddress: string;
  /** How parts on this machine reach what is bound to it. */
  readonly host: string;
  readonly busUrl: string;
  readonly databaseUrl: string;
}

/** One process of the suite. */
export interface SuitePart {
  readonly name: string;
  readonly role: Role;
  /** Variables beyond those of the suite itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 200 once the part is ready. */
  readonly readyUrl: string;
}

/** The processes in the order in which they are started; those of one group start together. */
export function planSuite(site: SuiteSite): SuitePart[][] {
  const { ports } = site;
  return [
    [
      control(site, "policy", { PENSTOCK_ADMIN_TOKEN: site.secrets.adminToken }),
      control(site, "quota"),
      control(site, "telemetry"),
      simulator(site),
    ],
    ports.routers.map((_, index) => router(site, index)),
  ];
}

function control(
  site: SuiteSite,
  role: "policy" | "quota" | "telemetry",
  more: Readonly<Record<string, string>> = {},
): SuitePart {
  const port = site.ports[role];
  return {
    name: role,
    role,
    environment: {
      ...commonOf(site),
      PENSTOCK_DATABASE_URL: site.databaseUrl,
      PENSTOCK_CONTROL_PORT: String(port),
      ...more,
    },
    readyUrl: `http://${site.host}:${port}/readyz`,
  };
}

function simulator(site: SuiteSite): SuitePart {
  const port = site.ports.simulator;
  const environment = {
    ...commonOf(site),
    PENSTOCK_SIMULATOR_PORT: String(port),
  };
  const readyUrl = `http://${site.host}:${port}/readyz`;
  return { name: "simulator", role: "simulator", environment, readyUrl };
}

function router(site: SuiteSite, index: number): SuitePart {
  const name = `router-${index + 1}`;
  const ports = site.ports.routers[index] ?? { http: 0, grpc: 0, admin: 0 };
  return {
    name,
    role: "router",
    environment: {
      ...commonOf(site),
      PENSTOCK_REPLICA: name,
      PENSTOCK_HTTP_PORT: String(ports.http),
      PENSTOCK_GRPC_PORT: String(ports.grpc),
      PENSTOCK_ADMIN_PORT: String(ports.admin),
      PENSTOCK_ROUTER_WORKERS: String(workersOfRouters[index] ?? 1),
      // The README asks the gRPC door by reflection.
      PENSTOCK_REFLECTION: "on",
    },
    readyUrl: `http://${site.host}:${ports.admin}/readyz`,
  };
}

function commonOf(site: SuiteSite): Record<string, string> {
  const { ports, host } = site;
  return {
    PENSTOCK_BIND_ADDRESS: site.bindAddress,
    PENSTOCK_SERVICE_TOKEN: site.secrets.serviceToken,
    PENSTOCK_BUS_URL: site.busUrl,
    PENSTOCK_POLICY_URL: `http://${host}:${ports.policy}`,
    PENSTOCK_QUOTA_URL: `http://${host}:${ports.quota}`,
    PENSTOCK_TELEMETRY_URL: `http://${host}:${ports.telemetry}`,
    PENSTOCK_LOG_FORMAT: "json",
    // Nobody balances load before it; Ctrl-C shall not take a minute.
    PENSTOCK_DRAIN_GRACE: "0s",
    PENSTOCK_DRAIN_TIMEOUT: "5s",
  };
}
