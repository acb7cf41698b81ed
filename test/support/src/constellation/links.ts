import { startFaultProxy } from "../faults/fault-proxy.ts";
import type { FaultProxy } from "../faults/fault-proxy.ts";

/** A link of a constellation that may lead through a fault proxy: from whom to whom. */
export type LinkName =
  | "routers-quota"
  | "routers-policy"
  | "routers-bus"
  | "routers-vendors"
  | "controls-bus"
  | "controls-database";

/** Where servers really are. */
export interface ServerAddresses {
  readonly busUrl: string;
  readonly databaseUrl: string;
  readonly quotaUrl: string;
  readonly policyUrl: string;
  readonly simulatorUrl: string;
}

/** Where each side finds its servers: behind a proxy where there is one. */
export interface Reach {
  readonly routers: Pick<ServerAddresses, "busUrl" | "quotaUrl" | "policyUrl">;
  readonly controls: Pick<ServerAddresses, "busUrl" | "databaseUrl" | "policyUrl">;
  readonly simulatorUrl: string;
}

/** The proxies of a constellation. */
export interface Links {
  readonly reach: Reach;
  /** Throws for a link that has no proxy. */
  link(name: LinkName): FaultProxy;
}

/** Starts a proxy for each name; they are closed with `parts`. */
export async function openLinks(
  parts: AsyncDisposableStack,
  names: readonly LinkName[],
  servers: ServerAddresses,
): Promise<Links> {
  const proxies = new Map<LinkName, FaultProxy>();
  const lead = async (name: LinkName, url: string): Promise<string> => {
    if (!names.includes(name)) return url;
    const proxied = new URL(url);
    const proxy = await startFaultProxy({ target: proxied.host });
    parts.defer(() => proxy.close());
    proxies.set(name, proxy);
    proxied.port = String(proxy.port);
    return proxied.href.replace(/\/$/, "");
  };
  const { busUrl, quotaUrl, policyUrl, databaseUrl, simulatorUrl } = servers;
  const reach: Reach = {
    routers: {
      busUrl: await lead("routers-bus", busUrl),
      quotaUrl: await lead("routers-quota", quotaUrl),
      policyUrl: await lead("routers-policy", policyUrl),
    },
    controls: {
      busUrl: await lead("controls-bus", busUrl),
      databaseUrl: await lead("controls-database", databaseUrl),
      policyUrl,
    },
    simulatorUrl: await lead("routers-vendors", simulatorUrl),
  };
  return {
    reach,
    link: (name) => {
      const proxy = proxies.get(name);
      if (proxy === undefined) throw new Error(`the link ${name} has no proxy`);
      return proxy;
    },
  };
}
