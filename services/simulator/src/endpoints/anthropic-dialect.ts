import type { VendorError, VendorErrorKind } from "../vendor-error.ts";
import type { Dialect } from "./dialect.ts";

/** Status and type: platform.claude.com/docs/en/api/errors. */
const words: Readonly<Record<VendorErrorKind, readonly [status: number, type: string]>> = {
  bad_request: [400, "invalid_request_error"],
  invalid_key: [401, "authentication_error"],
  forbidden: [403, "permission_error"],
  not_found: [404, "not_found_error"],
  timeout: [504, "timeout_error"],
  too_large: [413, "request_too_large"],
  unprocessable: [422, "invalid_request_error"],
  rate_limit: [429, "rate_limit_error"],
  quota: [402, "billing_error"],
  server_error: [500, "api_error"],
  overloaded: [529, "overloaded_error"],
  context_length: [400, "invalid_request_error"],
  content_filter: [400, "invalid_request_error"],
  unsupported_parameter: [400, "invalid_request_error"],
  unsupported_prefill: [400, "invalid_request_error"],
};

/** What the API says where its type alone does not tell; it has no codes for these. */
const sentences: Partial<Readonly<Record<VendorErrorKind, string>>> = {
  context_length: "prompt is too long: 200001 tokens > 200000 maximum",
  content_filter: "Output blocked by content filtering policy",
};

/** Anthropic's errors and headers. */
export const anthropicDialect: Dialect = {
  requestIdHeader: "request-id",
  tellsWaitInBody: false,
  error(error, requestId) {
    const [status] = words[error.kind];
    return { status: error.status ?? status, headers: {}, body: bodyOf(error, requestId) };
  },
  streamError: (error, requestId) => `event: error\ndata: ${bodyOf(error, requestId)}\n\n`,
  malformedChunk: "event: content_block_delta\ndata: {no json\n\n",
  limitHeaders({ unit, limit, remaining, resetTimeMs }) {
    const name = `anthropic-ratelimit-${unit}`;
    return {
      [`${name}-limit`]: String(limit),
      [`${name}-remaining`]: String(remaining),
      [`${name}-reset`]: new Date(resetTimeMs).toISOString(),
    };
  },
};

function bodyOf({ kind, message }: VendorError, requestId: string): string {
  const [, type] = words[kind];
  const said = sentences[kind] ?? message;
  return JSON.stringify({ type: "error", error: { type, message: said }, request_id: requestId });
}
