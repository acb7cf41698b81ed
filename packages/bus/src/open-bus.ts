import type { Logger } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { Bus } from "./bus.ts";
import { createMemoryBus } from "./memory/memory-bus.ts";
import type { StoreName, Topology } from "./topology.ts";

/** Which bus, and on whose behalf. */
export interface OpenBusOptions {
  /** `nats://` or `tls://`, several servers separated by commas; absent: inside the process. */
  readonly url?: string | undefined;
  /** Shown in the server's list of connections. */
  readonly name: string;
  /**
   * A NATS `.creds` file, an nkey seed, or one line `user:password`; wins over the URL. Read again
   * for every connection.
   */
  readonly credentialsFile?: string | undefined;
  /** Authorities (PEM) that the server's certificate is checked with; asks for TLS. */
  readonly caFile?: string | undefined;
  /** Copies of everything in a cluster; absent: three. A single server keeps one. */
  readonly replicas?: number | undefined;
  /**
   * What this process makes and keeps up to date; absent: everything. The rest it leaves to its
   * owner, whose permissions may be the only ones for it, and makes itself only after some seconds.
   */
  readonly owns?: readonly StoreName[] | undefined;
  /**
   * The longest to wait for the first attempt, for those who can begin without a bus. A server
   * behind a network that drops everything costs 3 s otherwise. Absent: until it has ended.
   */
  readonly patienceMs?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Other limits than the shipped ones, for tests. */
  readonly topology?: Topology;
}

/**
 * Opens the bus. It need not be there yet: after the first attempt to connect, or `patienceMs`,
 * this resolves in any case; until a server is reached `connected` is false, reads and writes fail
 * at once, watches and consumers wait for it. What is missing on the server is created, also later.
 *
 * @throws GatewayError FIELD_INVALID for a URL of another form.
 */
export async function openBus(options: OpenBusOptions): Promise<Bus> {
  const { url, credentialsFile, caFile } = options;
  if (url === undefined || url === "") return createMemoryBus(options);
  // Loaded only where it is used: the NATS client costs a laptop start 60 ms.
  const [{ openNatsBus }, { readNatsAccess }] = await Promise.all([
    import("./nats/nats-bus.ts"),
    import("./nats/nats-access.ts"),
  ]);
  const access = readNatsAccess({ url, credentialsFile, caFile });
  return await openNatsBus({ ...options, access });
}
