import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { Bus } from "./bus.ts";
import { createMemoryBus } from "./memory/memory-bus.ts";
import type { Topology } from "./topology.ts";

/** Which bus, and on whose behalf. */
export interface OpenBusOptions {
  /** `nats://` or `tls://`, several servers separated by commas; absent: inside the process. */
  readonly url?: string | undefined;
  /** Shown in the server's list of connections. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Other limits than the shipped ones, for tests. */
  readonly topology?: Topology;
}

/**
 * Opens the bus and creates what is missing on it.
 *
 * @throws GatewayError FIELD_INVALID for another scheme, UNAVAILABLE when no server answers,
 * FAILED_PRECONDITION when the server is too old or has no JetStream.
 */
export async function openBus(options: OpenBusOptions): Promise<Bus> {
  const { url } = options;
  if (url === undefined || url === "") return createMemoryBus(options);
  const servers = url.split(",").map((server) => server.trim());
  if (!servers.every((server) => /^(?:nats|tls):\/\/[^/?#]+\/?$/.test(server))) {
    const description = "must be nats://host:port or tls://host:port, several separated by commas";
    throw new GatewayError("FIELD_INVALID", `PENSTOCK_BUS_URL ${description}`, {
      source: "gateway",
      fieldViolations: [{ field: "PENSTOCK_BUS_URL", description }],
    });
  }
  // Loaded only where it is used: the NATS client costs a laptop start 60 ms.
  const { openNatsBus } = await import("./nats/nats-bus.ts");
  return await openNatsBus({ ...options, servers });
}
