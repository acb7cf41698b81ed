import type { Socket } from "node:net";
import { GatewayError } from "@penstock/errors";
import { newUuidV7 } from "@penstock/runtime";
import { defaultFormat } from "./http-endpoints.ts";

/** Answers what Node's parser refused, and closes the connection. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  // Once anything was written, an answer could land in the middle of another.
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const requestId = newUuidV7();
  const tooLong = error.code === "HPE_HEADER_OVERFLOW";
  const slow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const status = tooLong
    ? "431 Request Header Fields Too Large"
    : slow
      ? "408 Request Timeout"
      : "400 Bad Request";
  const message = tooLong
    ? "The head of the request is too large."
    : slow
      ? "The request did not arrive in time."
      : "The request is not valid HTTP.";
  const body = defaultFormat.writeError(new GatewayError("FIELD_INVALID", message), requestId);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
