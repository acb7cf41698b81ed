import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import type { Bus } from "../bus.ts";
import type { OpenBusOptions } from "../open-bus.ts";
import { defaultTopology } from "../topology.ts";
import { NatsBucket } from "./nats-bucket.ts";
import { unavailable } from "./nats-errors.ts";
import { NatsPublisher } from "./nats-publisher.ts";
import { NatsStream } from "./nats-stream.ts";
import { createTopology } from "./nats-topology.ts";

/** What `openBus` found out of the URL. */
export interface NatsBusOptions extends OpenBusOptions {
  readonly servers: string[];
}

/** The first version with what is used here: deduplication, interest streams, delayed nak. */
const oldestVersion = [2, 9] as const;
const connectTimeoutMs = 3_000;
// The client's 5 s would be waited in full by every call made while a server restarts.
const requestTimeoutMs = 2_000;
const reconnectEveryMs = 1_000;
const closeTimeoutMs = 3_000;

/** Connects, creates what is missing, and reconnects for ever afterwards. */
export async function openNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { clock, logger, servers } = options;
  const topology = options.topology ?? defaultTopology;
  const connection = await connectTo(servers, options.name);
  try {
    checkVersion(connection);
    const manager = await jetstreamManager(connection, { timeout: requestTimeoutMs });
    const client = jetstream(connection, { timeout: requestTimeoutMs });
    const clustered = (connection.info?.cluster ?? "") !== "";
    await createTopology({ client, manager, logger, clustered }, topology);
    const context = { client, manager, clock };
    const config = new NatsBucket(context, topology.config);
    const routers = new NatsBucket(context, topology.routers);
    const confirmed = new NatsBucket(context, topology.confirmed);
    const publisher = new NatsPublisher(connection);
    const usage = new NatsStream({ ...context, publisher }, topology.usage);
    const connected = followStatus(connection, logger);
    const close = async (): Promise<void> => {
      const parts = [config.close(), routers.close(), confirmed.close(), usage.close()];
      publisher.close();
      await Promise.all(parts);
      await closeConnection(connection);
    };
    let closing: Promise<void> | undefined;
    const closeOnce = (): Promise<void> => (closing ??= close());
    return { kind: "nats", config, routers, confirmed, usage, connected, close: closeOnce };
  } catch (error) {
    await connection.close().catch(() => {});
    throw unavailable("accept Penstock's streams and buckets", error);
  }
}

async function connectTo(servers: string[], name: string): Promise<NatsConnection> {
  try {
    return await connect({
      servers,
      name,
      timeout: connectTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: reconnectEveryMs,
      // A silent peer is noticed within 20 s.
      pingInterval: 10_000,
      maxPingOut: 2,
    });
  } catch (cause) {
    const where = servers.map((server) => server.replace(/\/\/.*@/, "//")).join(", ");
    throw new GatewayError("UNAVAILABLE", `no NATS server answers at ${where}`, {
      source: "gateway",
      cause,
    });
  }
}

function checkVersion(connection: NatsConnection): void {
  const version = connection.info?.version ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldestVersion;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  const message = `NATS ${oldestMajor}.${oldestMinor} or newer is needed, this server is ${version}`;
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}

function followStatus(connection: NatsConnection, logger: Logger): () => boolean {
  let up = true;
  const follow = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        up = false;
        logger.warn("bus connection lost, reconnecting");
      } else if (status.type === "reconnect") {
        up = true;
        logger.info("bus connection restored");
      } else if (status.type === "error") {
        logger.warn("bus reported an error", { cause: status.error });
      }
    }
    up = false;
  };
  void follow();
  return () => up && !connection.isClosed();
}

/** Sends what is buffered, then closes; a server that is away must not hold the process. */
async function closeConnection(connection: NatsConnection): Promise<void> {
  if (connection.isClosed()) return;
  let timeout: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timeout = setTimeout(resolve, closeTimeoutMs);
  });
  await Promise.race([connection.flush().catch(() => {}), late]);
  clearTimeout(timeout);
  await connection.close().catch(() => {});
}
