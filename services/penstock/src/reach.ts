import { createInProcessTransport, createNetworkTransport } from "@penstock/rpc";
import type { ConnectRouter, NetworkClientOptions, ServingOptions, Transport } from "@penstock/rpc";
import type { Secret } from "@penstock/runtime";

/** A service in this process, or its address. */
export interface Reachable {
  readonly here?: { routes(router: ConnectRouter): void } | undefined;
  readonly url?: string | undefined;
}

/** Opens a transport to a service, wherever it is. */
export type Reach = (service: Reachable, token: Secret) => Transport;

/** Calls inside the process pass the gate, the interceptors and the bounds of a port. */
export function createReach(
  parts: AsyncDisposableStack,
  serving: ServingOptions,
  network: Pick<NetworkClientOptions, "tls" | "allowCleartext">,
): Reach {
  const { tracer, logger } = serving.observability;
  return ({ here, url = "" }, token) => {
    if (here === undefined) return openNetwork(parts, { ...network, url, token, tracer, logger });
    const routes = (router: ConnectRouter): void => here.routes(router);
    const { transport, close } = createInProcessTransport(routes, serving, { token, tracer });
    parts.defer(close);
    return transport;
  };
}

/** A transport to another process: connected at the first call, and again whenever it is lost. */
export function openNetwork(parts: AsyncDisposableStack, options: NetworkClientOptions): Transport {
  const { transport, close } = createNetworkTransport(options);
  parts.defer(close);
  return transport;
}
