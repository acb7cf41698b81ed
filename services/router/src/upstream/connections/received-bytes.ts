import type { Socket } from "node:net";

/** Takes what a socket receives; the bytes are good until it returns. */
export interface ByteReceiver {
  receive(bytes: Buffer, length: number): void;
}

const receiver = Symbol("receiver");

type ReceivingSocket = Socket & { [receiver]?: ByteReceiver };

/** What one read takes at most; as much as the system gives at once. */
const readBytes = 65_536;

/**
 * Options of a connection whose bytes are read into one buffer that all connections share: Node
 * would make a buffer of 64 KiB for each read. A read is over before the next one begins.
 */
export const readShared = {
  onread: {
    buffer: Buffer.allocUnsafeSlow(readBytes),
    callback(this: ReceivingSocket, length: number, bytes: Uint8Array): boolean {
      const to = this[receiver];
      if (to === undefined) this.destroy();
      else to.receive(bytes as Buffer, length);
      return true;
    },
  },
};

/**
 * From now on the receiver gets what the socket receives, whether or not it was opened with
 * `readShared`.
 */
export function receiveFrom(socket: Socket, to: ByteReceiver): void {
  (socket as ReceivingSocket)[receiver] = to;
  // Also makes the socket tell of its end.
  socket.on("data", (bytes: Buffer) => to.receive(bytes, bytes.length));
  // One that comes through a proxy was stopped behind the proxy's answer.
  socket.resume();
}
