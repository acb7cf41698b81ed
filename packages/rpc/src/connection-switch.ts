import type { Server, Socket } from "node:net";
import { createServer } from "node:net";

/** A client that says nothing for this long is disconnected (security.md R7). */
const firstBytesTimeoutMs = 15_000;

/** The preface of HTTP/2 begins with these; no method of HTTP/1.1 does. */
const http2Prefix = Buffer.from("PRI");

/** Every TLS connection begins with a record of this kind: a handshake. */
const tlsHandshakeRecord = 0x16;

/** Whoever takes over a connection. */
export interface ConnectionTaker {
  emit(event: "connection", socket: Socket): boolean;
}

/** The servers of the two versions of HTTP. */
export interface ConnectionTakers {
  readonly http1: ConnectionTaker;
  readonly http2: ConnectionTaker;
}

/** A server that hands cleartext connections to the one that speaks their protocol. */
export function createCleartextAcceptor(
  takers: ConnectionTakers,
  onTls: (socket: Socket) => void,
): Server {
  return createServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
    switchConnection(socket, takers, onTls);
  });
}

/** Looks at the first bytes of a connection, puts them back and hands the socket on. */
function switchConnection(
  socket: Socket,
  { http1, http2 }: ConnectionTakers,
  onTls: (socket: Socket) => void,
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
    if (head[0] === tlsHandshakeRecord) {
      onTls(socket);
      giveUp();
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
