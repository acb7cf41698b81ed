import type { DescMethod, Message } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { GatewayError } from "@penstock/errors";
import { PenstockError } from "./penstock-error.ts";

/** What a single call may say. */
export interface CallOptions {
  /** Aborting it cancels the call, up to the provider. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline in milliseconds from now, instead of the client's. */
  readonly timeoutMs?: number | undefined;
  /** Further metadata, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** W3C trace context that the gateway continues, if the key may ask for that. */
  readonly traceparent?: string | undefined;
}

/** What all calls of a client have in common. */
export interface CallDefaults {
  readonly virtualKey: string;
  readonly timeoutMs: number;
}

/** Eight digits of hours are the most that `grpc-timeout` holds; grpc-js throws out of any call. */
const longestTimeoutMs = 99_999_999 * 3_600_000;

/** How one method is written, in the form that grpc-js asks for. */
export function wireForm<Request extends Message>(method: DescMethod) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    write: (message: Request): Buffer => {
      const bytes = toBinary(method.input, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    read: (bytes: Buffer): Message => fromBinary(method.output, bytes),
  };
}

/**
 * The metadata of a call. The key stands last, so that no header replaces it. Throws a
 * PenstockError for headers that gRPC can't carry.
 */
export function callMetadata(defaults: CallDefaults, options: CallOptions): Metadata {
  const metadata = new Metadata();
  const { headers, traceparent } = options;
  try {
    for (const [name, value] of Object.entries(headers ?? {})) metadata.set(name, value);
    if (traceparent !== undefined) metadata.set("traceparent", traceparent);
  } catch (cause) {
    throw invalidOption("headers", cause instanceof Error ? cause.message : "can't be sent", cause);
  }
  metadata.set("authorization", `Bearer ${defaults.virtualKey}`);
  return metadata;
}

/**
 * When the call has to be done, as Unix time in milliseconds; Infinity where that is too far off
 * to be told. Throws a PenstockError for what is no number: grpc-js would end the process.
 */
export function callDeadline(defaults: CallDefaults, options: CallOptions): number {
  const timeoutMs = options.timeoutMs ?? defaults.timeoutMs;
  if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs)) {
    throw invalidOption("timeoutMs", `is ${String(timeoutMs)}, which is no number of milliseconds`);
  }
  return timeoutMs > longestTimeoutMs ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
}

function invalidOption(field: string, description: string, cause?: unknown): PenstockError {
  const violations = { fieldViolations: [{ field, description }] };
  const error = new GatewayError("FIELD_INVALID", `${field}: ${description}`, violations);
  return new PenstockError(error, { cause });
}

/** Cancels when the signal aborts; the returned function ends the watch. */
export function cancelOnAbort(signal: AbortSignal | undefined, cancel: () => void): () => void {
  signal?.addEventListener("abort", cancel, { once: true });
  return () => signal?.removeEventListener("abort", cancel);
}

/** Metadata as Headers; binary entries are left out. */
export function toHeaders(metadata: Metadata | undefined): Headers {
  const headers = new Headers();
  for (const name of Object.keys(metadata?.getMap() ?? {})) {
    for (const value of metadata?.get(name) ?? []) {
      if (typeof value === "string") headers.append(name, value);
    }
  }
  return headers;
}
