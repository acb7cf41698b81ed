import type { Socket } from "node:net";

/**
 * What an answer is written to: Node's `ServerResponse`, or `PlainResponse` in its place. The names
 * are Node's, and mean the same.
 */
export interface CallerResponse {
  readonly socket: Socket | null;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly destroyed: boolean;
  readonly writableLength: number;
  readonly writableCorked: number;
  /** Whether the answer that has begun is sent in chunks. */
  readonly chunkedEncoding: boolean;
  /** Whether the caller can read chunks. */
  readonly useChunkedEncodingByDefault: boolean;
  /** `headers` are flat: name, value; names in lower case. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** False: there is no more room for now. */
  write(text: string): boolean;
  end(text: string, encoding: "utf8" | "latin1"): unknown;
  /** Headers that follow the last chunk; before `end`. */
  addTrailers(pairs: [string, string][]): void;
  /** Calls once nothing has moved on the connection for so long. */
  setTimeout(durationMs: number, listener: () => void): unknown;
  destroy(): unknown;
  once(event: "drain", listener: () => void): unknown;
}
