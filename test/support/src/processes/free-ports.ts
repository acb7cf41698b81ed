import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the ports that Linux gives to connections, so that none of those takes them meanwhile. */
const firstPort = 12_000;
const lastPort = 32_000;
const mostTries = 100;

/**
 * Ports of 127.0.0.1 on which nobody listens now. Processes that must know each other's addresses
 * before they start, and keep them when they start again, are given these.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let left = mostTries + count; found.size < count; left -= 1) {
    if (left === 0) throw new Error(`no ${count} ports are free in ${firstPort}–${lastPort}`);
    const port = randomInt(firstPort, lastPort);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
