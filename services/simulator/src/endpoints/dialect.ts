import type { RateLimit } from "../rate-limits.ts";
import type { VendorError } from "../vendor-error.ts";

/** An error as a vendor answers it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

/** What a vendor says beside its answers: errors, limits, headers. Times in milliseconds. */
export interface Dialect {
  /** Header that carries the vendor's id of the answer. */
  readonly requestIdHeader: string;
  /** True where the wait that an error asks for stands in its body, not in a header. */
  readonly tellsWaitInBody: boolean;
  /** The error as an answer of its own. */
  error(error: VendorError, requestId: string): ErrorAnswer;
  /** Answers a blocked prompt with 200, where the vendor does so. JSON. */
  readonly blockedPrompt?: string;
  /** The error inside a stream whose head said 200. */
  streamError(error: VendorError, requestId: string): string | Uint8Array;
  /** A piece of a stream that its format does not allow. */
  readonly malformedChunk: string | Uint8Array;
  /** What an answer's headers tell of a limit. `wallMs` is now. */
  limitHeaders(limit: RateLimit, wallMs: number): Readonly<Record<string, string>>;
}
