import { JetStreamApiError } from "@nats-io/jetstream";
import { GatewayError } from "@penstock/errors";

/** Error codes of the JetStream API that Penstock tells apart (nats-server, server/errors.json). */
export const apiCode = {
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  replicasNotSupported: 10074,
  streamStoreFailed: 10077,
  noSuitablePeers: 10005,
  maximumBytesExceeded: 10122,
} as const;

/** The code of a JetStream API error; undefined for other errors. */
export function apiCodeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Whatever the client threw, as UNAVAILABLE: a bus that cannot be reached comes back by itself. */
export function unavailable(what: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError("UNAVAILABLE", `the bus did not ${what}`, { source: "gateway", cause });
}

/** What a stream at its limits answers to a publish. */
export function isFull(error: unknown): boolean {
  const code = apiCodeOf(error);
  return code === apiCode.streamStoreFailed || code === apiCode.maximumBytesExceeded;
}
