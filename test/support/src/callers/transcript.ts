/** What a caller asks, in whatever shape its door wants. */
export interface Question {
  readonly model: string;
  readonly prompt: string;
  readonly stream: boolean;
  readonly maxOutputTokens?: number;
  /** How the answer is to begin: the last turn, and the assistant's. */
  readonly prefill?: string;
  /** JSON Schema that the answer is to follow. */
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
  /** Further headers or metadata. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What a caller saw from beginning to end. */
export interface Transcript {
  readonly door: "http" | "grpc";
  readonly stream: boolean;
  /** HTTP status, or 200 for a gRPC call that was OK, else the HTTP status of its reason. */
  readonly status: number;
  readonly headers: Headers;
  readonly trailers: Headers;
  readonly requestId: string;
  readonly traceId: string;
  /** Text of the first candidate, as far as it came. */
  readonly text: string;
  /** Every provider that content or a start was labelled with. */
  readonly providers: readonly string[];
  /** Of the answer or the error; undefined where neither says. */
  readonly attempts: number | undefined;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined;
  readonly finishReason: string | undefined;
  /** `complete`: with the end mark of its format. `cut`: the connection ended without one. */
  readonly end: "complete" | "error" | "cut";
  readonly error: TranscriptError | undefined;
  /** True when anything but the end of the connection followed the error or the end mark. */
  readonly wentOn: boolean;
  readonly elapsedMs: number;
}

/** An error in words that both doors share. */
export interface TranscriptError {
  readonly reason: string;
  readonly message: string;
  readonly source: string;
  readonly retryAfterMs: number | undefined;
  readonly fields: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}
