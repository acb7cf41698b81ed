import type { VendorError, VendorErrorKind } from "../vendor-error.ts";
import type { Dialect } from "./dialect.ts";

interface Words {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
}

const invalid = "invalid_request_error";

/** Status, type and code: platform.openai.com/docs/guides/error-codes. */
const words: Readonly<Record<VendorErrorKind, Words>> = {
  bad_request: { status: 400, type: invalid, code: null },
  invalid_key: { status: 401, type: invalid, code: "invalid_api_key" },
  forbidden: {
    status: 403,
    type: "request_forbidden",
    code: "unsupported_country_region_territory",
  },
  not_found: { status: 404, type: invalid, code: "model_not_found" },
  timeout: { status: 408, type: "server_error", code: null },
  too_large: { status: 413, type: invalid, code: null },
  unprocessable: { status: 422, type: invalid, code: null },
  rate_limit: { status: 429, type: "requests", code: "rate_limit_exceeded" },
  quota: { status: 429, type: "insufficient_quota", code: "insufficient_quota" },
  server_error: { status: 500, type: "server_error", code: null },
  overloaded: { status: 503, type: "service_unavailable_error", code: "server_is_overloaded" },
  context_length: { status: 400, type: invalid, code: "context_length_exceeded" },
  content_filter: { status: 400, type: invalid, code: "content_filter" },
  unsupported_parameter: { status: 400, type: invalid, code: "unsupported_parameter" },
  unsupported_prefill: { status: 400, type: invalid, code: null },
};

/** OpenAI's errors and headers, those of both its APIs. */
export const openaiDialect: Dialect = {
  requestIdHeader: "x-request-id",
  tellsWaitInBody: false,
  error(error) {
    const body = JSON.stringify({ error: errorObject(error) });
    return { status: error.status ?? words[error.kind].status, headers: {}, body };
  },
  streamError: (error) => `data: ${JSON.stringify({ error: errorObject(error) })}\n\n`,
  malformedChunk: "data: {no json\n\n",
  limitHeaders({ unit, limit, remaining, resetTimeMs }, wallMs) {
    return {
      [`x-ratelimit-limit-${unit}`]: String(limit),
      [`x-ratelimit-remaining-${unit}`]: String(remaining),
      [`x-ratelimit-reset-${unit}`]: `${Math.max(0, Math.ceil(resetTimeMs - wallMs))}ms`,
    };
  },
};

function errorObject({ kind, message, parameter }: VendorError): Record<string, unknown> {
  const { type, code } = words[kind];
  return { message, type, param: parameter ?? null, code };
}
