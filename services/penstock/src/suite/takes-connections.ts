import { connect } from "node:net";

const patienceMs = 1_000;

/** Whether a server on a port speaks first, as NATS does, and does so soon. */
export async function takesConnections(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port });
  socket.setTimeout(patienceMs, () => resolve(false));
  socket.once("data", () => resolve(true));
  socket.once("error", () => resolve(false));
  // Whoever closes without a word would be waited for without an end.
  socket.once("close", () => resolve(false));

  const answer = await promise;
  socket.destroy();
  return answer;
}
