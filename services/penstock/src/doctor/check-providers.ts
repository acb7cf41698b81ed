import type { Provider, Resource } from "@penstock/api";
import { findProvider } from "@penstock/providers";
import type { ControlClients } from "../api/clients.ts";
import { listResources } from "../api/clients.ts";
import { printError } from "../output/print-error.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";
import { judgeDrift } from "./judge-drift.ts";
import { ProbeError, probeHttp } from "./probe-http.ts";
import type { ProbeCause } from "./probe-http.ts";

/** Looking at all of them at once would be a burst; the rest is only counted. */
const mostProviders = 100;

/**
 * Whether the providers' addresses answer, seen from here: only the origins are asked, without a
 * credential, and any answer will do.
 */
export async function checkProviders(clients: ControlClients): Promise<Finding[]> {
  let resources: readonly Resource[];
  try {
    ({ resources } = await listResources(clients, { collections: ["providers"] }));
  } catch (thrown) {
    const [detail = ""] = printError(thrown).text.split("\n");
    return [{ check: "providers", state: "warn", detail: detail.replace(/^penstock: /, "") }];
  }
  const providers = resources.flatMap(({ resource }) =>
    resource.case === "provider" ? [resource.value] : [],
  );
  const findings = providers.slice(0, mostProviders).map((provider) => {
    const address = addressOf(provider);
    const shown = URL.canParse(address ?? "") ? ` ${new URL(address ?? "").origin}` : "";
    return look(`${provider.name}${shown}`, () => checkProvider(provider, address));
  });
  const more = providers.length - mostProviders;
  const rest: Finding = { check: "providers", state: "ok", detail: `${more} more were not asked` };
  return [...(await Promise.all(findings)), ...(more > 0 ? [rest] : [])];
}

/** The address that a router calls: the configured one, else that of the kind. */
function addressOf({ baseUrl, kind }: Provider): string | undefined {
  return baseUrl === "" ? findProvider(kind)?.defaultBaseUrl : baseUrl;
}

async function checkProvider(
  { name, kind, transport }: Provider,
  address: string | undefined,
): Promise<Omit<Finding, "check">> {
  if (address === undefined || !URL.canParse(address)) {
    const advice = `Give ${name} a baseUrl, or use a kind that this version knows.`;
    return {
      state: "fail",
      detail: `providers of kind ${kind} have no address of their own`,
      advice,
    };
  }
  if (transport !== undefined && transport.proxy !== "") {
    return { state: "ok", detail: `goes through ${transport.proxy}; not asked from here` };
  }
  const caFile = transport?.caBundleFile === "" ? undefined : transport?.caBundleFile;
  try {
    const { status, clockAheadMs } = await probeHttp(new URL(address).origin, {
      method: "HEAD",
      caFile,
    });
    const drift = clockAheadMs === undefined ? undefined : judgeDrift(clockAheadMs);
    if (drift?.state === "warn") return drift;
    return { state: "ok", detail: `reachable (answers ${status})` };
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : "does not answer";
    const cause = thrown instanceof ProbeError ? thrown.probeCause : undefined;
    return { state: "fail", detail, advice: adviceFor(cause, name, address) };
  }
}

function adviceFor(cause: ProbeCause | undefined, name: string, address: string): string {
  switch (cause) {
    case "name_unknown":
      return `See whether the host name in ${address} is right, and whether names are resolved here.`;
    case "tls_failed":
      return (
        `See which certificate ${address} shows: one of an authority of your own needs ` +
        `transport.caBundleFile in ${name}, and a port without TLS an address with http://.`
      );
    case "unreadable":
      return `See what listens at ${address}: a port with TLS needs an address with https://.`;
    default:
      return (
        `See whether ${address} is right and open from here; ` +
        `if it is reached through a proxy, ${name} needs transport.proxy.`
      );
  }
}
