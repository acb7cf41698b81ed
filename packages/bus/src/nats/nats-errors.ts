import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";

/** Error codes of the JetStream API that Penstock tells apart (nats-server, server/errors.json). */
export const apiCode = {
  noSuitablePeers: 10005,
  messageExceedsMaximum: 10054,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  replicasNotSupported: 10074,
  streamStoreFailed: 10077,
  maximumBytesExceeded: 10122,
} as const;

/** The code of a JetStream API error; undefined for other errors. */
export function apiCodeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** The subject that the server's permissions keep this user from; undefined for other errors. */
export function deniedSubject(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; depth += 1) {
    if (at instanceof errors.PermissionViolationError) return at.subject;
    at = at.cause;
  }
  return undefined;
}

/**
 * Whatever the client threw. Nearly all of it is UNAVAILABLE, as a bus that cannot be reached
 * comes back by itself; what the server's permissions forbid is FAILED_PRECONDITION, and a message
 * that with its headers is larger than its stream takes is FIELD_INVALID, as that stays so.
 */
export function busError(what: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  if (apiCodeOf(cause) === apiCode.messageExceedsMaximum) {
    const message = `the bus did not ${what}: it has more bytes than the stream takes`;
    return new GatewayError("FIELD_INVALID", message, { source: "gateway", cause });
  }
  const subject = deniedSubject(cause);
  if (subject === undefined) {
    return new GatewayError("UNAVAILABLE", `the bus did not ${what}`, { source: "gateway", cause });
  }
  const message = `the bus did not ${what}: the user of this service may not use ${subject}`;
  return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway", cause });
}

/** What a stream at its limits answers to a publish. */
export function isFull(error: unknown): boolean {
  const code = apiCodeOf(error);
  return code === apiCode.streamStoreFailed || code === apiCode.maximumBytesExceeded;
}

/**
 * Whether an error says that a stream is not there: an API call knows it by name, a publish only
 * sees that nobody takes its subject.
 */
export function isMissing(error: unknown): boolean {
  const cause = error instanceof GatewayError ? error.cause : error;
  if (apiCodeOf(cause) === apiCode.streamNotFound) return true;
  for (let at: unknown = cause, depth = 0; at instanceof Error && depth < 4; depth += 1) {
    if (at instanceof errors.NoRespondersError) return true;
    at = at.cause;
  }
  return false;
}

/** The publish was answered by nobody: no stream has its subject. */
export function noStream(subject: string): Error {
  return new errors.NoRespondersError(subject);
}

/** An answer that is no acknowledgement. */
export function notAnAcknowledgement(): Error {
  return new JetStreamError("the answer is no acknowledgement");
}
