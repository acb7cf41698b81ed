import type { DescMethod, Message } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";

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

/** The metadata of a call. The key stands last, so that no header replaces it. */
export function callMetadata(defaults: CallDefaults, options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
  if (options.traceparent !== undefined) metadata.set("traceparent", options.traceparent);
  metadata.set("authorization", `Bearer ${defaults.virtualKey}`);
  return metadata;
}

/** When the call has to be done, as Unix time in milliseconds. */
export function callDeadline(defaults: CallDefaults, options: CallOptions): number {
  return Date.now() + (options.timeoutMs ?? defaults.timeoutMs);
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
