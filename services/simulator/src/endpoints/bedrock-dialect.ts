import { GatewayError } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";
import { formats } from "@penstock/formats";
import type { VendorErrorKind } from "../vendor-error.ts";
import type { Dialect } from "./dialect.ts";

interface Words {
  readonly status: number;
  readonly type: string;
  /** Whose frame the format writes for it. */
  readonly reason: ErrorReason;
}

const validation = { status: 400, type: "ValidationException" } as const;

/** Status and exception: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. */
const words: Readonly<Record<VendorErrorKind, Words>> = {
  bad_request: { ...validation, reason: "UPSTREAM_REJECTED_REQUEST" },
  invalid_key: {
    status: 403,
    type: "UnrecognizedClientException",
    reason: "UPSTREAM_AUTHENTICATION_FAILED",
  },
  forbidden: {
    status: 403,
    type: "AccessDeniedException",
    reason: "UPSTREAM_AUTHENTICATION_FAILED",
  },
  not_found: { status: 404, type: "ResourceNotFoundException", reason: "MODEL_NOT_FOUND" },
  timeout: { status: 408, type: "ModelTimeoutException", reason: "UPSTREAM_TIMEOUT" },
  too_large: {
    status: 413,
    type: "RequestEntityTooLargeException",
    reason: "REQUEST_TOO_LARGE",
  },
  unprocessable: {
    status: 422,
    type: "ValidationException",
    reason: "UPSTREAM_REJECTED_REQUEST",
  },
  rate_limit: { status: 429, type: "ThrottlingException", reason: "UPSTREAM_RATE_LIMITED" },
  quota: {
    status: 400,
    type: "ServiceQuotaExceededException",
    reason: "UPSTREAM_RATE_LIMITED",
  },
  server_error: { status: 500, type: "InternalServerException", reason: "UPSTREAM_FAILED" },
  overloaded: {
    status: 503,
    type: "ServiceUnavailableException",
    reason: "UPSTREAM_OVERLOADED",
  },
  context_length: { ...validation, reason: "CONTEXT_LENGTH_EXCEEDED" },
  content_filter: { ...validation, reason: "CONTENT_FILTERED" },
  unsupported_parameter: { ...validation, reason: "UPSTREAM_REJECTED_REQUEST" },
  unsupported_prefill: { ...validation, reason: "UPSTREAM_REJECTED_REQUEST" },
};

const sentences: Partial<Readonly<Record<VendorErrorKind, string>>> = {
  context_length: "Input is too long for requested model.",
};

/** Bedrock's exceptions: named in a header, and as frames inside a stream. */
export const bedrockDialect: Dialect = {
  requestIdHeader: "x-amzn-requestid",
  tellsWaitInBody: false,
  error({ kind, status, message }) {
    const { status: usual, type } = words[kind];
    return {
      status: status ?? usual,
      headers: { "x-amzn-errortype": type },
      body: JSON.stringify({ message: sentences[kind] ?? message }),
    };
  },
  streamError({ kind, message }, requestId) {
    const error = new GatewayError(words[kind].reason, sentences[kind] ?? message);
    const frame = formats["bedrock-converse"].writeStreamError(error, requestId);
    return Buffer.from(frame, "latin1");
  },
  // The checksum of its prelude is none.
  malformedChunk: Buffer.from("This is no frame."),
  limitHeaders: () => ({}),
};
