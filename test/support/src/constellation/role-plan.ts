import { findFreePorts } from "../processes/free-ports.ts";
import type { Reach } from "./links.ts";

/** A process of a constellation. */
export type RoleName = "policy" | "quota" | "telemetry" | "router-1" | "router-2";

/** Every port of a constellation; they stay when its processes are started again. */
export interface SitePorts {
  readonly policy: number;
  readonly quota: number;
  readonly telemetry: number;
  readonly routers: readonly {
    readonly http: number;
    readonly grpc: number;
    readonly admin: number;
  }[];
}

/** What the processes are started with. */
export interface RolePlanSite {
  readonly ports: SitePorts;
  /** Of router 1 and router 2. */
  readonly workers: readonly [number, number];
  readonly adminToken: string;
  readonly serviceToken: string;
  readonly reach: Reach;
}

/** One process. */
export interface PlannedRole {
  readonly name: RoleName;
  readonly role: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly healthUrl: string;
}

/**
 * As long as quota may take where the machine, not quota, is slow: tests of what a slow or absent
 * quota does set their own.
 */
const patientQuotaWait = "1500ms";

/** Free ports for two routers and three control services. */
export async function takePorts(): Promise<SitePorts> {
  const free = await findFreePorts(9);
  const take = (): number => free.pop() ?? 0;
  return {
    policy: take(),
    quota: take(),
    telemetry: take(),
    routers: [0, 1].map(() => ({ http: take(), grpc: take(), admin: take() })),
  };
}

/** Five processes: one for each control service, and two routers. */
export function planRoles(site: RolePlanSite): PlannedRole[] {
  const { ports, reach } = site;
  const common = {
    PENSTOCK_BIND_ADDRESS: "127.0.0.1",
    PENSTOCK_SERVICE_TOKEN: site.serviceToken,
    PENSTOCK_LOG_FORMAT: "json",
  };
  const control = (role: "policy" | "quota" | "telemetry"): PlannedRole => ({
    name: role,
    role,
    environment: {
      ...common,
      PENSTOCK_BUS_URL: reach.controls.busUrl,
      PENSTOCK_DATABASE_URL: reach.controls.databaseUrl,
      PENSTOCK_POLICY_URL: reach.controls.policyUrl,
      PENSTOCK_CONTROL_PORT: String(ports[role]),
      ...(role === "policy" ? { PENSTOCK_ADMIN_TOKEN: site.adminToken } : {}),
    },
    healthUrl: `http://127.0.0.1:${ports[role]}`,
  });
  const routers = ports.routers.map(({ http, grpc, admin }, at): PlannedRole => {
    const name = at === 0 ? "router-1" : "router-2";
    return {
      name,
      role: "router",
      environment: {
        ...common,
        PENSTOCK_BUS_URL: reach.routers.busUrl,
        PENSTOCK_POLICY_URL: reach.routers.policyUrl,
        PENSTOCK_QUOTA_URL: reach.routers.quotaUrl,
        PENSTOCK_REPLICA: name,
        PENSTOCK_HTTP_PORT: String(http),
        PENSTOCK_GRPC_PORT: String(grpc),
        PENSTOCK_ADMIN_PORT: String(admin),
        PENSTOCK_ROUTER_WORKERS: String(site.workers[at]),
        PENSTOCK_QUOTA_WAIT: patientQuotaWait,
        PENSTOCK_REFLECTION: "on",
        PENSTOCK_DRAIN_GRACE: "0s",
      },
      healthUrl: `http://127.0.0.1:${admin}`,
    };
  });
  return [control("policy"), control("quota"), control("telemetry"), ...routers];
}
