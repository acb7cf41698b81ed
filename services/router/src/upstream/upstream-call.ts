import type { ConnectionCause } from "@penstock/errors";
import type { FailureClass, HeaderGetter } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";

/** What is known of a connection that failed. */
export type TransportCause = ConnectionCause | "address_refused" | "connection_dropped";

/** Why a call ended without a complete answer. */
export interface TransportFailure {
  readonly class: FailureClass;
  /** Absent: the class says it all. */
  readonly cause?: TransportCause | undefined;
  /** The system's or library's name of the error, such as `ENOTFOUND`; absent: it has none. */
  readonly code?: string | undefined;
  /** For operators; holds no secret and nothing a provider wrote. */
  readonly message: string;
  /** Whether any byte of the request may have reached the provider. */
  readonly sentBytes: boolean;
}

/**
 * Takes the answer. Exactly one of `onEnd` and `onFailure` is called, last; neither after
 * `cancel`. `onHeaders` comes before any data, and not at all when there was no answer.
 */
export interface AnswerSink {
  onHeaders(status: number, header: HeaderGetter, isEventStream: boolean): void;
  /** The bytes are the sink's; nothing overwrites them. */
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: TransportFailure): void;
}

/** Takes an answer, and what was thrown meanwhile. */
export interface UpstreamSink extends AnswerSink {
  /** A mistake of this process ends the call, in place of any other end or after it. */
  onMistake(error: unknown): void;
}

/** One attempt to be sent. */
export interface UpstreamCall {
  readonly target: CompiledTarget;
  /** JSON; the bytes are not changed afterwards. */
  readonly body: string | Buffer;
  /** Path of the URL. Undefined: that of the deployment. */
  readonly path?: string | undefined;
  readonly stream: boolean;
  readonly requestId: string;
  /** `<request id>.<number>`: sent as `x-request-id`. */
  readonly attemptId: string;
  readonly sink: UpstreamSink;
  /** The caller's headers that go along, flat; they replace the provider's own of those names. */
  readonly passedHeaders?: readonly string[];
  readonly connectTimeoutMs: number;
}

/** A running call. */
export interface UpstreamHandle {
  /** Whether any byte of the request may have reached the provider so far. */
  readonly sentBytes: boolean;
  /** No `onData` until `resume`, but for what is on its way already. */
  pause(): void;
  resume(): void;
  /** Closes the connection so that the provider sees it; after that the sink is not called. */
  cancel(): void;
}
