import { systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { Bus } from "../bus.ts";
import { defaultTopology } from "../topology.ts";
import type { Topology } from "../topology.ts";
import { MemoryBucket } from "./memory-bucket.ts";
import { MemoryStream } from "./memory-stream.ts";
import type { MemoryStreamBounds } from "./memory-stream.ts";

/** Settings of a memory bus; tests change them. */
export interface MemoryBusOptions {
  readonly clock?: Clock;
  readonly topology?: Topology;
  readonly bounds?: MemoryStreamBounds;
}

// A laptop's process must not grow without end when a consumer stands still.
const defaultBounds: MemoryStreamBounds = { maxMessages: 100_000, maxBytes: 64 * 1024 * 1024 };

/** A bus inside the process. All roles of a process must share one object. */
export function createMemoryBus(options: MemoryBusOptions = {}): Bus {
  const clock = options.clock ?? systemClock;
  const topology = options.topology ?? defaultTopology;
  const config = new MemoryBucket(topology.config, clock);
  const routers = new MemoryBucket(topology.routers, clock);
  const confirmed = new MemoryBucket(topology.confirmed, clock);
  const intents = new MemoryBucket(topology.intents, clock);
  const hints = new MemoryBucket(topology.hints, clock);
  const usage = new MemoryStream(topology.usage, clock, options.bounds ?? defaultBounds);
  let open = true;
  const close = async (): Promise<void> => {
    open = false;
    const parts = [config, routers, confirmed, intents, hints, usage];
    await Promise.all(parts.map((part) => part.close()));
  };
  const connected = (): boolean => open;
  const onRestored = (): (() => void) => () => {};
  const stored = { config, routers, confirmed, intents, hints, usage };
  return { kind: "memory", ...stored, connected, onRestored, close };
}
