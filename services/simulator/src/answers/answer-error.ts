import type { ServerResponse } from "node:http";
import type { Dialect } from "../endpoints/dialect.ts";
import type { VendorError } from "../vendor-error.ts";

/** Answers an error in the vendor's words; gives its status. */
export function answerError(
  response: ServerResponse,
  dialect: Dialect,
  error: VendorError,
  requestId = "sim-0",
): number {
  const { status, headers, body } = dialect.error(error, requestId);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    [dialect.requestIdHeader]: requestId,
    ...headers,
  });
  response.end(body);
  return status;
}
