import type { VendorError, VendorErrorKind } from "../vendor-error.ts";
import type { Dialect } from "./dialect.ts";

interface Words {
  readonly code: number;
  readonly status: string;
  /** Reason of an ErrorInfo. */
  readonly reason?: string;
  /** Id of the quota that is used up. */
  readonly quotaId?: string;
  /** Stands in the place of the message where the API says it in words alone. */
  readonly message?: string;
}

const invalid = { code: 400, status: "INVALID_ARGUMENT" };

/** Codes, statuses, details: ai.google.dev/gemini-api/docs/troubleshooting. */
const words: Readonly<Record<VendorErrorKind, Words>> = {
  bad_request: invalid,
  invalid_key: { ...invalid, reason: "API_KEY_INVALID" },
  forbidden: { code: 403, status: "PERMISSION_DENIED" },
  not_found: { code: 404, status: "NOT_FOUND" },
  timeout: { code: 504, status: "DEADLINE_EXCEEDED" },
  too_large: { code: 413, status: "OUT_OF_RANGE" },
  unprocessable: invalid,
  rate_limit: {
    code: 429,
    status: "RESOURCE_EXHAUSTED",
    quotaId: "GenerateRequestsPerMinutePerProjectPerModel",
  },
  quota: {
    code: 429,
    status: "RESOURCE_EXHAUSTED",
    quotaId: "GenerateRequestsPerDayPerProjectPerModel",
  },
  server_error: { code: 500, status: "INTERNAL" },
  overloaded: { code: 503, status: "UNAVAILABLE" },
  context_length: {
    ...invalid,
    message: "The input token count (2) exceeds the maximum number of tokens allowed (1).",
  },
  // Prompts are blocked in answers of status 200: see `blockedPrompt`.
  content_filter: invalid,
  unsupported_parameter: invalid,
  unsupported_prefill: invalid,
};

const typePrefix = "type.googleapis.com/google.rpc.";

/** Errors of the Gemini API. It tells of limits only when they are reached. */
export const googleDialect: Dialect = {
  requestIdHeader: "x-request-id",
  tellsWaitInBody: true,
  error(error) {
    const object = errorObject(error);
    return { status: object.code, headers: {}, body: JSON.stringify({ error: object }) };
  },
  blockedPrompt: JSON.stringify({
    promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
    usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 },
    modelVersion: "simulated",
  }),
  streamError: (error) => `data: ${JSON.stringify({ error: errorObject(error) })}\r\n\r\n`,
  malformedChunk: "data: {no json\r\n\r\n",
  limitHeaders: () => ({}),
};

function errorObject(error: VendorError): { code: number } & Record<string, unknown> {
  const { code, status, reason, quotaId, message } = words[error.kind];
  const details: Record<string, unknown>[] = [];
  if (reason !== undefined) {
    const domain = "googleapis.com";
    details.push({ "@type": `${typePrefix}ErrorInfo`, reason, domain });
  }
  if (quotaId !== undefined) {
    details.push({ "@type": `${typePrefix}QuotaFailure`, violations: [{ quotaId }] });
  }
  if (error.parameter !== undefined) {
    const fieldViolations = [{ field: error.parameter, description: error.message }];
    details.push({ "@type": `${typePrefix}BadRequest`, fieldViolations });
  }
  if (error.retryAfterSeconds !== undefined) {
    const retryDelay = `${error.retryAfterSeconds}s`;
    details.push({ "@type": `${typePrefix}RetryInfo`, retryDelay });
  }
  return {
    code: error.status ?? code,
    message: message ?? error.message,
    status,
    ...(details.length === 0 ? {} : { details }),
  };
}
