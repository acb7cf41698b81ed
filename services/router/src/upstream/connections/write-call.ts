import type { Socket } from "node:net";
import type { CallText } from "./call-handler.ts";

/** Up to here a body goes with its head in one piece, which costs less than two. */
const smallBodyBytes = 65_536;

/** Writes a call to its connection: head, length of the body, body. */
export function writeCall(socket: Socket, { head, body }: CallText): void {
  const sizeBytes = Buffer.byteLength(body);
  const start = `${head}content-length: ${sizeBytes}\r\n\r\n`;
  if (typeof body === "string" && body.length === sizeBytes) {
    // One byte for each character is the same in UTF-8 then.
    socket.write(start + body, "latin1");
    return;
  }
  if (sizeBytes <= smallBodyBytes) {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    socket.write(start + bytes.toString("latin1"), "latin1");
    return;
  }
  socket.cork();
  socket.write(start, "latin1");
  socket.write(body);
  socket.uncork();
}
