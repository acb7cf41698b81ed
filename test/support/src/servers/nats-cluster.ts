import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { sleep, systemClock } from "@penstock/runtime";
import { startNats } from "./nats.ts";
import type { NatsServer } from "./nats.ts";
import { requestNats } from "./raw-nats.ts";

/** Three NATS servers that keep JetStream together. */
export interface NatsCluster {
  /** Of all servers, separated by commas. */
  readonly url: string;
  /** By name: `n1`, `n2`, `n3`. */
  readonly servers: ReadonlyMap<string, NatsServer>;
  /** The name of the server that leads a stream now; waits for an election. */
  leaderOf(stream: string): Promise<string>;
  /** Waits until every copy of a stream is up to date: no server is missing. */
  settled(stream: string): Promise<void>;
  /** Ends every server and removes its data. */
  stop(): Promise<void>;
}

interface ClusterInfo {
  readonly leader?: string;
  readonly replicas?: readonly { readonly current: boolean }[];
}

const names = ["n1", "n2", "n3"] as const;
const electionTimeoutMs = 20_000;

/** Starts a cluster; ready (about 3 s) once it takes streams. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const ports = await freePorts(2 * names.length);
  const routes = names.map((_, index) => `nats://127.0.0.1:${ports[names.length + index]}`);
  const started = await Promise.all(
    names.map((name, index) =>
      startNats({
        port: ports[index] ?? -1,
        args: argumentsOf(name, routes, index),
      }),
    ),
  );
  const servers = new Map(started.map((server, index) => [names[index] ?? "", server]));
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const ask = (subject: string, body?: string) => askAny(started, subject, body);
  try {
    await eventually("the cluster takes no streams", async () => {
      const body = JSON.stringify({ name: "PROBE", subjects: ["probe"], num_replicas: 3 });
      const answer = await ask("$JS.API.STREAM.CREATE.PROBE", body);
      return answer.includes('"error"') ? undefined : true;
    });
    await ask("$JS.API.STREAM.DELETE.PROBE");
  } catch (error) {
    await stop();
    throw error;
  }
  const look = async (stream: string): Promise<ClusterInfo | undefined> => {
    const answer = await ask(`$JS.API.STREAM.INFO.${stream}`);
    return (JSON.parse(answer) as { cluster?: ClusterInfo }).cluster;
  };
  const leaderOf = (stream: string): Promise<string> =>
    eventually(`${stream} has no leader`, async () => (await look(stream))?.leader);
  const settled = async (stream: string): Promise<void> => {
    await eventually(`${stream} lacks copies`, async () => {
      const replicas = (await look(stream))?.replicas ?? [];
      const isWhole = replicas.length === names.length - 1;
      return isWhole && replicas.every(({ current }) => current) ? true : undefined;
    });
  };
  const url = started.map((server) => server.url).join(",");
  return { url, servers, leaderOf, settled, stop };
}

function argumentsOf(name: string, routes: readonly string[], index: number): string[] {
  const own = routes[index] ?? "";
  const cluster = ["--cluster_name", "penstock-test", "--cluster", own];
  return ["-n", name, ...cluster, "--routes", routes.join(",")];
}

/** Asks one server after the other, as some may be down. */
async function askAny(
  servers: readonly NatsServer[],
  subject: string,
  body?: string,
): Promise<string> {
  let problem: unknown;
  for (const { url } of servers) {
    try {
      return await requestNats(url, subject, body);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

async function eventually<Found>(
  otherwise: string,
  find: () => Promise<Found | undefined>,
): Promise<Found> {
  const deadlineMs = systemClock.monotonicMs() + electionTimeoutMs;
  while (systemClock.monotonicMs() < deadlineMs) {
    const found = await find().catch(() => undefined);
    if (found !== undefined) return found;
    await sleep(systemClock, 100);
  }
  throw new Error(otherwise);
}

/** Ports that were free a moment ago: routes must be known before the servers start. */
async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(listeners.map((listener) => once(listener, "listening")));
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port);
  await Promise.all(listeners.map((listener) => once(listener.close(), "close")));
  return ports;
}
