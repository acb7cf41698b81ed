import type { ControlClients } from "../api/clients.ts";
import { listResources } from "../api/clients.ts";
import { printError } from "../output/print-error.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";
import { probeHttp } from "./probe-http.ts";

/** What is asked. */
export interface RemoteTargets {
  readonly controlUrl: string;
  /** The same as `controlUrl` where one process has them all. */
  readonly quotaUrl: string;
  readonly telemetryUrl: string;
  readonly adminUrl: string | undefined;
  readonly simulatorUrl: string | undefined;
  readonly clients: ControlClients;
  /** Authorities that the services' certificates are checked with, as in every other command. */
  readonly caFile: string | undefined;
}

/** Timers and leases cope with this much; certificates and reports do too. */
const tolerableDriftMs = 2_000;

/** The doors of a running Penstock and the origins of its providers. */
export async function checkRemote(targets: RemoteTargets): Promise<Finding[]> {
  const { controlUrl, adminUrl, simulatorUrl, caFile } = targets;
  const findings = await Promise.all([
    ...controlPorts(targets).map(([name, url]) =>
      look(`${name} ${url}`, () => checkReady(url, caFile)),
    ),
    look("token, configuration", () => checkConfiguration(targets.clients)),
    look("routers", () => checkRouters(targets.clients)),
    look("clock", () => checkClock(controlUrl, caFile)),
    ...(adminUrl === undefined
      ? []
      : [look(`router ${adminUrl}`, () => checkReady(adminUrl, caFile))]),
    ...(simulatorUrl === undefined
      ? []
      : [
          look(`simulator ${simulatorUrl}`, async () => {
            const { status } = await probeHttp(`${simulatorUrl}/calls`);
            return { state: status === 200 ? "ok" : "warn", detail: `answers ${status}` };
          }),
        ]),
  ]);
  return [...findings, ...(await checkProviders(targets.clients))];
}

type Result = Omit<Finding, "check">;

async function checkConfiguration(clients: ControlClients): Promise<Result> {
  const page = await told(clients.resources.listResources({ pageSize: 1 }));
  return { state: "ok", detail: `accepted; revision ${page.revision}` };
}

async function checkRouters(clients: ControlClients): Promise<Result> {
  const { routers, revision } = await told(clients.rollout.listRouters({}));
  if (routers.length === 0) return { state: "warn", detail: "none was seen in the last 30 s" };
  const late = routers.filter(({ appliedRevision }) => appliedRevision < revision);
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

function judgeDrift(clockAheadMs: number | undefined): Result {
  if (clockAheadMs === undefined) return { state: "warn", detail: "the server tells no time" };
  const isFine = Math.abs(clockAheadMs) <= tolerableDriftMs;
  const side = clockAheadMs < 0 ? "behind" : "ahead of";
  const seconds = (Math.abs(clockAheadMs) / 1_000).toFixed(1);
  const detail = isFine ? "agrees within a second or two" : `the server is ${seconds} s ${side} us`;
  return { state: isFine ? "ok" : "warn", detail };
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
  const detail = text.trim().replaceAll(/\s+/g, " ").slice(0, 160);
  return { state: status === 200 ? "ok" : "warn", detail: `answers ${status}: ${detail}` };
}

/** Only the origins are asked, without a credential: any answer will do. */
async function checkProviders(clients: ControlClients): Promise<Finding[]> {
  let providers: readonly (readonly [name: string, origin: string])[];
  try {
    const { resources } = await listResources(clients, { collections: ["providers"] });
    providers = resources.flatMap(({ resource }) => {
      if (resource.case !== "provider") return [];
      const { name, baseUrl, kind } = resource.value;
      const address = baseUrl === "" && kind === "openai" ? "https://api.openai.com" : baseUrl;
      return URL.canParse(address) ? [[name, new URL(address).origin] as const] : [];
    });
  } catch {
    return [];
  }
  return await Promise.all(
    providers.map(([name, origin]) =>
      look(`${name} ${origin}`, async () => {
        const { status, clockAheadMs } = await probeHttp(origin, { method: "HEAD" });
        const drift = clockAheadMs === undefined ? undefined : judgeDrift(clockAheadMs);
        if (drift?.state === "warn") return drift;
        return { state: "ok", detail: `reachable (answers ${status})` };
      }),
    ),
  );
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
