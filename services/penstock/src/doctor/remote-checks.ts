import type { ControlClients } from "../api/clients.ts";
import type { createRouterClient } from "../api/clients.ts";
import type { DemoEnvironment } from "../demo-env.ts";
import { printError } from "../output/print-error.ts";
import type { Finding } from "./check.ts";
import { checkCredentials } from "./check-credentials.ts";
import { checkDoors } from "./check-doors.ts";
import { checkProviders } from "./check-providers.ts";
import { findAbsentServices } from "./find-absent-services.ts";
import { look } from "./check.ts";
import { isForeign, routersWithout } from "../commands/router-position.ts";
import { judgeDrift } from "./judge-drift.ts";
import { probeHttp } from "./probe-http.ts";

/** What is asked. */
export interface RemoteTargets {
  readonly controlUrl: string;
  /** The same as `controlUrl` where one process has them all. */
  readonly quotaUrl: string;
  readonly telemetryUrl: string;
  readonly adminUrl: string | undefined;
  /** Of the demo that is looked at; empty for any other Penstock. */
  readonly demo: DemoEnvironment;
  readonly clients: ControlClients;
  /** Of the router at `adminUrl`. */
  readonly router: () => ReturnType<typeof createRouterClient>;
  /** Authorities that the services' certificates are checked with, as in every other command. */
  readonly caFile: string | undefined;
}

/** What was found, and whether it shows that the services are processes of their own. */
export interface RemoteFindings {
  readonly findings: readonly Finding[];
  readonly isApart: boolean;
}

/** The doors of a running Penstock, the origins of its providers, and what it lacks to call them. */
export async function checkRemote(targets: RemoteTargets): Promise<RemoteFindings> {
  const { controlUrl, adminUrl, demo, clients, caFile } = targets;
  const { PENSTOCK_SIMULATOR_URL: simulatorUrl } = demo;
  const findings = await Promise.all([
    ...controlPorts(targets).map(([name, url]) =>
      look(`${name} ${new URL(url).origin}`, () => checkReady(url, caFile)),
    ),
    look("token, configuration", () => checkConfiguration(targets.clients)),
    look("routers", () => checkRouters(targets.clients)),
    look("clock", () => checkClock(controlUrl, caFile)),
    ...(adminUrl === undefined
      ? []
      : [look(`router ${new URL(adminUrl).origin}`, () => checkReady(adminUrl, caFile))]),
    ...(simulatorUrl === undefined
      ? []
      : [
          look(`simulator ${simulatorUrl}`, async () => {
            const { status } = await probeHttp(`${simulatorUrl}/calls`);
            return { state: status === 200 ? "ok" : "warn", detail: `answers ${status}` };
          }),
        ]),
  ]);
  const router = adminUrl === undefined ? undefined : targets.router;
  const absent = await findAbsentServices(targets);
  const further = await Promise.all([
    checkDoors(demo, caFile),
    checkProviders(clients),
    checkCredentials(router),
  ]);
  return { findings: [...findings, ...absent, ...further.flat()], isApart: absent.length > 0 };
}

type Result = Omit<Finding, "check">;

async function checkConfiguration(clients: ControlClients): Promise<Result> {
  const page = await told(clients.resources.listResources({ pageSize: 1 }));
  return { state: "ok", detail: `accepted; revision ${page.revision}` };
}

async function checkRouters(clients: ControlClients): Promise<Result> {
  const { routers, revision, installationId } = await told(clients.rollout.listRouters({}));
  if (routers.length === 0) return { state: "warn", detail: "none was seen in the last 30 s" };
  const foreign = routers.filter((router) => isForeign(router, installationId));
  if (foreign.length > 0) {
    const detail = `${foreign.length} with the configuration of another installation`;
    return { state: "fail", detail: `${detail}; penstock routers says what to do` };
  }
  const late = routersWithout(routers, { installationId, revision });
  const refusing = routers.filter(({ refused }) => refused.length > 0);
  if (late.length + refusing.length === 0) {
    return { state: "ok", detail: `${routers.length} at revision ${revision}` };
  }
  const detail = `${late.length} behind revision ${revision}, ${refusing.length} with refused resources; see penstock routers`;
  return { state: "warn", detail };
}

async function checkClock(controlUrl: string, caFile: string | undefined): Promise<Result> {
  const { clockAheadMs } = await probeHttp(`${controlUrl}/livez`, { caFile });
  return judgeDrift(clockAheadMs);
}

/** The control ports with what answers there. */
function controlPorts({ controlUrl, quotaUrl, telemetryUrl }: RemoteTargets) {
  const services = { policy: controlUrl, quota: quotaUrl, telemetry: telemetryUrl };
  const byUrl = Map.groupBy(Object.entries(services), ([, url]) => url);
  return [...byUrl].map(([url, at]) => {
    const name = at.length === 3 ? "control" : at.map(([service]) => service).join(", ");
    return [name, url] as const;
  });
}

async function checkReady(url: string, caFile: string | undefined): Promise<Result> {
  const { status, text } = await probeHttp(`${url}/readyz`, { caFile });
  const [, ...told] = text.trim().split("\n");
  const detail = text.trim().replaceAll(/\s+/g, " ").slice(0, 160);
  // What is ready and still has something to say lacks what it can do without for now.
  const isWell = status === 200 && told.length === 0;
  return { state: isWell ? "ok" : "warn", detail: `answers ${status}: ${detail}` };
}

/** Errors of the services in the words of every other command. */
async function told<Value>(call: Promise<Value>): Promise<Value> {
  try {
    return await call;
  } catch (thrown) {
    const [sentence = ""] = printError(thrown).text.split("\n");
    throw new Error(sentence.replace(/^penstock: /, ""), { cause: thrown });
  }
}
