import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { connect, errors } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { maxEntryBytes } from "../topology.ts";
import type { NatsAccess } from "./nats-access.ts";
import { NatsPublisher } from "./nats-publisher.ts";
import { closingSockets } from "./own-sockets.ts";

// One connection from its opening to its loss. The client's own reconnecting is off: what it
// publishes while away it would keep in memory without a bound, it gives up for good after two
// refused passwords, and it waits for ever to write to a peer that has fallen silent. Whoever
// needs the bus opens what it needs again on the next session.

/** A connection that serves. */
export interface NatsSession {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** For a look whether somebody leads a stream now: gives up early, to be asked again. */
  readonly probe: JetStreamManager;
  readonly publisher: NatsPublisher;
  /** Starts subjects for answers. */
  readonly inboxPrefix: string;
  /** False for a single server, which keeps one copy whatever is asked. */
  readonly clustered: boolean;
  /** Other servers of the cluster (`host:port`), to be tried when this one is lost. */
  readonly siblings: readonly string[];
  /** Aborts when the connection is lost or closed. */
  readonly over: AbortSignal;
}

/** What opening needs. */
export interface NatsSessionOptions {
  readonly access: NatsAccess;
  /** Shown in the server's list of connections. */
  readonly name: string;
  readonly logger: Logger;
  /** `host:port` of servers that earlier sessions heard of. */
  readonly siblings: readonly string[];
}

/** The first version with what is used here: deduplication, interest streams, delayed nak. */
const oldestVersion = [2, 9, 0] as const;
const connectTimeoutMs = 3_000;
// The client's 5 s would be waited in full by every call made while a server fails over.
const requestTimeoutMs = 2_000;
const probeTimeoutMs = 750;
// A silent peer is noticed after three intervals, at most 20 s (fault row 10).
const pingIntervalMs = 5_000;
const missedPings = 2;
/** The largest entry or message with its headers; a server that is told nothing takes 1 MiB. */
const neededPayloadBytes = maxEntryBytes + 1_024;

/**
 * Connects to the first server that answers.
 *
 * @throws GatewayError UNAVAILABLE when none answers; FAILED_PRECONDITION when the server is too
 * old or refuses the user.
 */
export async function openNatsSession(options: NatsSessionOptions): Promise<NatsSession> {
  const { access } = options;
  const { authenticator, inboxPrefix } = access.identify();
  const connection = await closingSockets(() =>
    connect({
      servers: [...new Set([...access.servers, ...options.siblings])],
      name: options.name,
      timeout: connectTimeoutMs,
      reconnect: false,
      pingInterval: pingIntervalMs,
      maxPingOut: missedPings,
      inboxPrefix,
      noAsyncTraces: true,
      ...(access.tls === undefined ? {} : { tls: access.tls }),
      ...(authenticator === undefined ? {} : { authenticator }),
    }),
  ).catch((cause: unknown) => {
    throw cannotConnect(access.shown, cause);
  });
  try {
    checkVersion(connection.info?.version ?? "");
    warnOfSmallPayload(connection.info?.max_payload ?? 0, options.logger);
    const over = new AbortController();
    const timeout = requestTimeoutMs;
    const session: NatsSession = {
      connection,
      client: jetstream(connection, { timeout }),
      manager: await jetstreamManager(connection, { timeout, checkAPI: false }),
      probe: await jetstreamManager(connection, { timeout: probeTimeoutMs, checkAPI: false }),
      publisher: new NatsPublisher(connection, inboxPrefix),
      inboxPrefix,
      clustered: (connection.info?.cluster ?? "") !== "",
      siblings: (connection.info?.connect_urls ?? []).slice(0, 16),
      over: over.signal,
    };
    void connection.closed().then(() => over.abort());
    void followStatus(session, options.logger);
    return session;
  } catch (error) {
    await connection.close().catch(() => {});
    throw error;
  }
}

/** Ends a session at once; what it still has to send is lost. */
export async function endNatsSession(session: NatsSession): Promise<void> {
  session.publisher.close();
  await session.connection.close().catch(() => {});
}

async function followStatus(session: NatsSession, logger: Logger): Promise<void> {
  for await (const status of session.connection.status()) {
    // The client would wait until the silent peer takes its farewell.
    if (status.type === "staleConnection") await endNatsSession(session);
    if (status.type !== "error") continue;
    const { error } = status;
    if (error instanceof errors.PermissionViolationError) session.publisher.deny(error);
    logger.warn("bus reported an error", { cause: error.message });
  }
  session.publisher.close();
}

/** It serves until something large comes, which then never passes. */
function warnOfSmallPayload(maxPayloadBytes: number, logger: Logger): void {
  if (maxPayloadBytes >= neededPayloadBytes) return;
  logger.warn("the NATS server takes less in one message than Penstock may send", {
    maxPayloadBytes,
    neededPayloadBytes,
    advice: "raise max_payload in the server's configuration and restart it",
  });
}

function cannotConnect(where: string, cause: unknown): GatewayError {
  if (cause instanceof errors.AuthorizationError) {
    const message = `the NATS server at ${where} refuses the user or password of the bus`;
    return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
  }
  const detail = cause instanceof Error ? cause.message : "";
  const message = `no NATS server answers at ${where}${detail === "" ? "" : ` (${detail})`}`;
  return new GatewayError("UNAVAILABLE", message, { source: "gateway", cause });
}

/** @throws GatewayError FAILED_PRECONDITION for a server older than 2.9.0. */
export function checkVersion(version: string): void {
  const found = version.split(/[.-]/).map(Number);
  for (const [index, needed] of oldestVersion.entries()) {
    const part = found[index] ?? 0;
    if (part > needed) return;
    if (part === needed) continue;
    const text = version === "" ? "does not tell its version" : `is ${version}`;
    const message = `NATS ${oldestVersion.join(".")} or newer is needed, this server ${text}`;
    throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
  }
}
