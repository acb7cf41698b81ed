import type { Socket } from "node:net";

/** A client that says nothing for this long is disconnected (security.md R7). */
const firstBytesTimeoutMs = 15_000;

/** The preface of HTTP/2 begins with these; no method of HTTP/1.1 does. */
const http2Prefix = Buffer.from("PRI");

/** Whoever takes over a socket whose first bytes have been looked at. */
interface ConnectionTaker {
  emit(event: "connection", socket: Socket): boolean;
}

/**
 * Looks at the first bytes of a connection, puts them back and hands the socket to the server
 * that speaks its protocol. So one cleartext port serves HTTP/1.1 and HTTP/2.
 */
export function switchConnection(
  socket: Socket,
  http1: ConnectionTaker,
  http2: ConnectionTaker,
): void {
  let head: Buffer = Buffer.alloc(0);
  const giveUp = (): void => {
    socket.destroy();
  };
  const sniff = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk !== null) head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < http2Prefix.length) {
      socket.once("readable", sniff);
      return;
    }
    socket.off("error", giveUp);
    socket.off("timeout", giveUp);
    socket.off("end", giveUp);
    socket.setTimeout(0);
    socket.unshift(head);
    const isHttp2 = head.subarray(0, http2Prefix.length).equals(http2Prefix);
    (isHttp2 ? http2 : http1).emit("connection", socket);
  };
  socket.setTimeout(firstBytesTimeoutMs);
  socket.on("timeout", giveUp);
  socket.on("error", giveUp);
  socket.on("end", giveUp);
  socket.once("readable", sniff);
}
