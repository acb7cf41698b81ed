import type { ServerResponse } from "node:http";

const errorTypes: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "invalid_request_error",
  413: "invalid_request_error",
  429: "rate_limit_exceeded",
  503: "service_unavailable_error",
};

/** Answers an error in OpenAI's shape. */
export function answerError(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({
    error: { message, type: errorTypes[status] ?? "server_error", param: null, code: null },
  });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
  });
  response.end(body);
}
