import type { Bus } from "../bus.ts";
import type { OpenBusOptions } from "../open-bus.ts";
import { defaultTopology } from "../topology.ts";
import type { NatsAccess } from "./nats-access.ts";
import { NatsBucket } from "./nats-bucket.ts";
import { NatsLink } from "./nats-link.ts";
import { openNatsSession } from "./nats-session.ts";
import { NatsStores } from "./nats-stores.ts";
import { NatsStream } from "./nats-stream.ts";
import { wantedStreams } from "./nats-topology.ts";

/** What `openBus` found out of the URL. */
export interface NatsBusOptions extends OpenBusOptions {
  readonly access: NatsAccess;
}

/**
 * Begins to connect and gives the bus after the first attempt or earlier, see `patienceMs`. It
 * connects again, for ever, until it is closed.
 */
export async function openNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { access, clock, logger, name } = options;
  const topology = options.topology ?? defaultTopology;
  const wanted = wantedStreams(topology, options);
  const listeners = new Set<() => void>();
  const onRestored = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const stores = new NatsStores({ wanted, clock, logger, onCreated: tell });
  const link = new NatsLink({
    open: (siblings) => openNatsSession({ access, name, logger, siblings }),
    prepare: (session) => stores.prepare(session),
    onConnected: tell,
    patienceMs: options.patienceMs,
    clock,
    logger,
  });
  const context = { link, stores, clock, logger };
  const config = new NatsBucket(context, topology.config);
  const routers = new NatsBucket(context, topology.routers);
  const confirmed = new NatsBucket(context, topology.confirmed);
  const intents = new NatsBucket(context, topology.intents);
  const hints = new NatsBucket(context, topology.hints);
  const usage = new NatsStream(context, topology.usage);
  const close = async (): Promise<void> => {
    const parts = [config, routers, confirmed, intents, hints, usage];
    await Promise.all(parts.map((part) => part.close()));
    await link.close();
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  const connected = (): boolean => link.connected();
  await link.start();
  const stored = { config, routers, confirmed, intents, hints, usage };
  return { kind: "nats", ...stored, connected, onRestored, close: closeOnce };
}
