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
import { ProbeError, probeHttp } from "./probe-http.ts";
import type { HttpProbe } from "./probe-http.ts";

/** Characters of an answer that are shown: a sentence for each of some parts. */
const longestDetail = 400;

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
    ...readyPorts(targets).map((port) =>
      look(`${port.name} ${new URL(port.url).origin}`, () => checkReady(port, caFile)),
    ),
    look("token, configuration", () => checkConfiguration(targets.clients)),
    look("routers", () => checkRouters(targets.clients)),
    look("clock", () => checkClock(controlUrl, caFile)),
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

/** A port with `/readyz`, and what it may be called by. */
interface ReadyPort {
  /** What is there, for people. */
  readonly name: string;
  readonly url: string;
  /** The variables and flags that name it. */
  readonly naming: string;
}

const namings = {
  policy: "PENSTOCK_CONTROL_URL (--control-url)",
  quota: "PENSTOCK_QUOTA_URL (--quota-url)",
  telemetry: "PENSTOCK_TELEMETRY_URL (--telemetry-url)",
  router: "PENSTOCK_ADMIN_URL (--admin-url)",
} as const;

/** The control ports, with the roles that are there, and the router's. */
function readyPorts({ controlUrl, quotaUrl, telemetryUrl, adminUrl }: RemoteTargets): ReadyPort[] {
  const services = { policy: controlUrl, quota: quotaUrl, telemetry: telemetryUrl };
  const byUrl = Map.groupBy(Object.entries(services), ([, url]) => url);
  const ports = [...byUrl].map(([url, at]) => {
    const roles = at.map(([service]) => service as keyof typeof services);
    const name = roles.length === 3 ? "control" : roles.join(", ");
    return { name, url, naming: namings[roles[0] ?? "policy"] };
  });
  if (adminUrl === undefined) return ports;
  return [...ports, { name: "router", url: adminUrl, naming: namings.router }];
}

async function checkReady(
  { name, url, naming }: ReadyPort,
  caFile: string | undefined,
): Promise<Result> {
  let answer: HttpProbe;
  try {
    answer = await probeHttp(`${url}/readyz`, { caFile });
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : "does not answer";
    const isTls = thrown instanceof ProbeError && thrown.probeCause === "tls_failed";
    const advice = isTls
      ? `Name the authority of its certificate with PENSTOCK_TLS_CA (--tls-ca), or correct ${naming}.`
      : `Start what is to be there (${name}), or correct ${naming}.`;
    return { state: "fail", detail, advice };
  }
  const { status, text } = answer;
  const [, ...told] = text.trim().split("\n");
  const detail = text.trim().replaceAll(/\s+/g, " ").slice(0, longestDetail);
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
