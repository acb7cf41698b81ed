import type { ServerOptions } from "@grpc/grpc-js";

/** What may be said about a grpc-js server; the rest is the same everywhere. */
export interface GrpcServerSettings {
  /** Largest message in either direction, in bytes; 32 MiB when absent. */
  readonly maxMessageBytes?: number;
  /** Age at which a connection is closed gently; 10 min when absent. */
  readonly connectionAgeMs?: number;
}

const tenMinutesMs = 10 * 60_000;

/**
 * Options of every grpc-js server. Connections end at an age, which grpc-js spreads by a tenth in
 * either direction, so that long-lived clients find new instances; calls under way then have ten
 * minutes. Keep-alive pings of clients are answered whether or not calls are open.
 * The server sends none: Node refuses to ping on a connection that is ending gently, grpc-js takes
 * that for a dead peer, and would cut the calls that were to have their time.
 */
export function grpcServerOptions(settings: GrpcServerSettings = {}): ServerOptions {
  const maxMessageBytes = settings.maxMessageBytes ?? 32 * 1_024 * 1_024;
  return {
    "grpc.max_connection_age_ms": settings.connectionAgeMs ?? tenMinutesMs,
    "grpc.max_connection_age_grace_ms": tenMinutesMs,
    "grpc.max_concurrent_streams": 256,
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.keepalive_permit_without_calls": 1,
  };
}
