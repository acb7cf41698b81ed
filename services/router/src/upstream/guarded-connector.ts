import { lookup as systemLookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { isAddressAllowed, isMetadataAddress } from "@penstock/providers";
import type { CompiledProvider } from "@penstock/snapshot";
import { buildConnector } from "undici";
import { addressRefusedCode } from "./classify-transport-error.ts";
import { readShared } from "./connections/received-bytes.ts";
import { connectThroughProxy } from "./proxy-tunnel.ts";

/** Resolves a name to all its addresses. */
export type AddressLookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** What connections are made with. */
export interface ConnectorOptions {
  readonly provider: CompiledProvider;
  readonly timeoutMs: number;
  readonly lookup?: AddressLookup | undefined;
}

function addressRefused(address: string): Error {
  return Object.assign(new Error(`address ${address} is not allowed for this provider`), {
    code: addressRefusedCode,
  });
}

/**
 * Makes the connections of one pool. Every address that a name resolves to has to be allowed, and
 * the connection goes to the address that was checked: there is no second look-up that could give
 * another one. Name and certificate checks keep the original host.
 *
 * @throws Error when a file of the transport can't be read.
 */
export function createGuardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { provider, timeoutMs } = options;
  const policy = {
    privateNetwork: provider.privateNetwork,
    allowedCidrs: provider.transport?.allowedCidrs,
  };
  const isAllowed = (address: string): boolean => isAddressAllowed(address, policy);
  const resolve = options.lookup ?? (systemLookup as AddressLookup);
  const connect = buildConnector({
    ...tlsOptions(provider),
    ...readShared,
    allowH2: false,
    timeout: timeoutMs,
    lookup: guardedLookup(resolve, isAllowed),
  } as buildConnector.BuildOptions);
  const proxy = provider.transport?.proxy ?? "";
  // Proxies stand in private networks more often than not, but never where a cloud gives secrets.
  const isProxyAllowed = (address: string): boolean => !isMetadataAddress(address);
  const proxyHost = proxy === "" ? "" : literalOf(new URL(proxy).hostname);
  const tunnel = { proxy, timeoutMs, connect, lookup: guardedLookup(resolve, isProxyAllowed) };
  return (target, callback) => {
    const refused = [
      ...refusedLiterals(literalOf(target.hostname), isAllowed),
      ...refusedLiterals(proxyHost, isProxyAllowed),
    ];
    if (refused[0] !== undefined) process.nextTick(callback, addressRefused(refused[0]), null);
    else if (proxy === "") connect(target, callback);
    else connectThroughProxy({ ...tunnel, target }, callback);
  };
}

function literalOf(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** The host itself where it is an address that is not allowed; names are judged when resolved. */
function refusedLiterals(host: string, isAllowed: (address: string) => boolean): string[] {
  return isIP(host) !== 0 && !isAllowed(host) ? [host] : [];
}

function guardedLookup(resolve: AddressLookup, isAllowed: (address: string) => boolean) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      for (const { address } of addresses) {
        if (!isAllowed(address)) return callback(addressRefused(address), []);
      }
      const [first] = addresses;
      if (options.all === true) return callback(null, addresses);
      if (first !== undefined) return callback(null, first.address, first.family);
      callback(Object.assign(new Error("the name has no address"), { code: "ENOTFOUND" }), []);
    });
  };
}

function tlsOptions(provider: CompiledProvider): Record<string, unknown> {
  const { transport } = provider;
  const options: Record<string, unknown> = { minVersion: "TLSv1.2" };
  if (transport === undefined) return options;
  if (transport.caBundleFile !== "") options["ca"] = readFileSync(transport.caBundleFile);
  if (transport.clientCertificateFile !== "") {
    options["cert"] = readFileSync(transport.clientCertificateFile);
    options["key"] = readFileSync(transport.clientKeyFile);
  }
  if (transport.serverName !== "") options["servername"] = transport.serverName;
  return options;
}
