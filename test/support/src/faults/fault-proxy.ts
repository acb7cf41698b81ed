import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { FaultyLink } from "./faulty-link.ts";
import type { LinkCount, LinkFaults } from "./link-faults.ts";

/** Where a proxy leads and how it begins. */
export interface FaultProxyOptions {
  /** `host:port` of the server. */
  readonly target: string;
  readonly faults?: ProxyFaults;
}

/** Faults of a proxy. What is absent works. */
export interface ProxyFaults {
  /** From who connected to the server. */
  readonly toTarget?: LinkFaults;
  /** From the server to who connected. */
  readonly toClient?: LinkFaults;
  /** `reset`: new connections are reset at once. `hang`: they are taken and lead nowhere. */
  readonly connections?: "reset" | "hang";
  /**
   * New connections are reset once nothing has passed them, in either direction, for so long: what
   * many proxies do. Unit: milliseconds.
   */
  readonly cutIdleAfterMs?: number;
}

/** A TCP proxy that misbehaves as told. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  /** Sets the faults, also for what passes connections that are open already. */
  set(faults: ProxyFaults): void;
  /** Connections taken so far, and those open now. */
  connections(): { readonly taken: number; readonly open: number };
  /** Bytes that passed so far. */
  bytes(): { readonly toTarget: number; readonly toClient: number };
  /** Resets every open connection. */
  resetAll(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { host, port } = splitTarget(options.target);
  const sockets = new Set<Socket>();
  const counts: Record<"toTarget" | "toClient", LinkCount> = {
    toTarget: { bytes: 0 },
    toClient: { bytes: 0 },
  };
  let faults = options.faults ?? {};
  let taken = 0;
  let open = 0;
  const hold = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // Broken connections are what this is for; the close that follows is what counts.
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    taken += 1;
    open += 1;
    hold(client).on("close", () => {
      open -= 1;
    });
    if (faults.connections === "reset") {
      client.resetAndDestroy();
      return;
    }
    if (faults.connections === "hang") return;
    const target = hold(connect({ host, port, allowHalfOpen: true }));
    if (faults.cutIdleAfterMs !== undefined) {
      client.setTimeout(faults.cutIdleAfterMs, () => {
        client.resetAndDestroy();
        target.resetAndDestroy();
      });
    }
    // eslint-disable-next-line no-new -- a link lives as long as its sockets
    new FaultyLink(client, target, () => faults.toTarget ?? {}, counts.toTarget);
    // eslint-disable-next-line no-new -- a link lives as long as its sockets
    new FaultyLink(target, client, () => faults.toClient ?? {}, counts.toClient);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve());
  });
  const own = (server.address() as AddressInfo).port;
  return {
    host: "127.0.0.1",
    port: own,
    address: `127.0.0.1:${own}`,
    set: (next) => {
      faults = next;
    },
    connections: () => ({ taken, open }),
    bytes: () => ({ toTarget: counts.toTarget.bytes, toClient: counts.toClient.bytes }),
    resetAll: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function splitTarget(target: string): { host: string; port: number } {
  const at = target.lastIndexOf(":");
  return { host: target.slice(0, at), port: Number(target.slice(at + 1)) };
}
