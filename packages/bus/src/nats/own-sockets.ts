import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

const owners = new AsyncLocalStorage<Set<Socket>>();
let isListening = false;

/** Node tells of every socket that a client opens. */
function listen(): void {
  if (isListening) return;
  isListening = true;
  subscribe("net.client.socket", (message) => {
    const { socket } = message as { readonly socket: Socket };
    const sockets = owners.getStore();
    sockets?.add(socket);
    socket.once("close", () => sockets?.delete(socket));
  });
}

/**
 * Runs an attempt to connect; when it fails, the sockets that it opened are closed. NATS's client
 * gives one up that a silent server has accepted, but leaves it open: as long as the server hangs,
 * each attempt would leave one behind, and a command would not end.
 */
export async function closingSockets<Connection>(
  connect: () => Promise<Connection>,
): Promise<Connection> {
  listen();
  const sockets = new Set<Socket>();
  try {
    return await owners.run(sockets, connect);
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error;
  }
}
