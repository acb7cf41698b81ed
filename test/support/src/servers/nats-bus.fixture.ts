import { defaultTopology, openBus } from "@penstock/bus";
import type { Bus, OpenBusOptions, StreamMessage, Topology } from "@penstock/bus";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { expect, vi } from "vitest";
import { startNats } from "./nats.ts";
import type { NatsServer } from "./nats.ts";

/** Of entries in `routers`, for tests. */
export const expireAfterMs = 1_000;
/** Of deliveries, for tests. */
export const ackWaitMs = 1_000;

/** The shipped topology with shorter times and smaller bounds. */
export function quickTopology(maxBytes = 1e8): Topology {
  const { config, routers, confirmed, intents, hints, usage } = defaultTopology;
  return {
    ...defaultTopology,
    config: { ...config, maxBytes: 1e7 },
    routers: { ...routers, maxBytes: 1e7, expireAfterMs },
    confirmed: { ...confirmed, maxBytes: 1e7 },
    intents: { ...intents, maxBytes: 1e7 },
    hints: { ...hints, maxBytes: 1e7 },
    usage: { ...usage, consumers: ["quota"], ackWaitMs, maxBytes },
  };
}

/** A bus, whether or not its server is there. */
export function openBusOn(
  { url }: Pick<NatsServer, "url">,
  options: Partial<OpenBusOptions> = {},
): Promise<Bus> {
  const { logger } = silentObservability();
  const topology = quickTopology();
  return openBus({ url, name: "test", clock: systemClock, logger, topology, ...options });
}

/** A bus that is connected; a busy machine may need more than the first attempt. */
export async function connectBus(
  server: Pick<NatsServer, "url">,
  options: Partial<OpenBusOptions> = {},
): Promise<Bus> {
  const bus = await openBusOn(server, options);
  await vi.waitFor(() => expect(bus.connected()).toBe(true), { timeout: 15_000, interval: 10 });
  return bus;
}

/** A server and a bus of their own. */
export async function openNatsBus(topology = quickTopology()) {
  const server = await startNats();
  const bus = await connectBus(server, { topology });
  const close = async (): Promise<void> => {
    await bus.close();
    await server.stop();
  };
  return { server, bus, close };
}

/** A usage message. */
export function messageOf(id: string): StreamMessage {
  return { id, subject: "usage.v1.r", payload: new Uint8Array(600) };
}

/** Puts the ids that arrive into `got`. */
export function collectIds(bus: Bus, got: string[], consumer = "quota") {
  return bus.usage.consume({
    consumer,
    maxBatch: 100,
    maxWaitMs: 1_000,
    handle: async (batch) => {
      got.push(...batch.map(({ id }) => id));
      return batch.map(() => "ack" as const);
    },
  });
}

/** Puts `key=value` of everything that is told into `seen`. */
export function collectEntries(bus: Bus, seen: string[], problems: unknown[] = []) {
  return bus.config.watch({
    onEntry: ({ key, value, deleted }) => {
      seen.push(deleted ? `-${key}` : `${key}=${Buffer.from(value).toString()}`);
    },
    onProblem: (problem) => problems.push(problem),
  });
}
