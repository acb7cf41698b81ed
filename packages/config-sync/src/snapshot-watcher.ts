import { create, fromBinary } from "@bufbuild/protobuf";
import type { ConfigEntry, ConfigHead } from "@penstock/api";
import { ConfigEntrySchema, ConfigHeadSchema } from "@penstock/api";
import type { BucketEntry, ConfigBucket, Watch } from "@penstock/bus";
import { headKey, resourceNameOfKey } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import { sleep } from "@penstock/runtime";

import type { LoadedConfiguration } from "./fetch-configuration.ts";

const firstRetryMs = 200;
const longestRetryMs = 30_000;

/** What a watcher tells. */
export interface WatcherEvents {
  /** An entry; its head is still to come. */
  entry(entry: ConfigEntry): void;
  /** The newest head, once everything written before it was told. */
  head(head: ConfigHead): void;
  /** The watch is in trouble; it goes on by itself. */
  problem(error: unknown): void;
}

/**
 * Watches the bucket and turns its bytes into entries and heads. A bucket replays the newest value
 * of each key, so an early head stands among entries of later revisions: heads are told only after
 * the replay. Opens the watch again, with back-off, until the signal aborts.
 */
export async function watchConfiguration(
  bucket: ConfigBucket,
  events: WatcherEvents,
  clock: Clock,
  signal: AbortSignal,
): Promise<Watch | undefined> {
  let delayMs = firstRetryMs;
  while (!signal.aborted) {
    try {
      return await openWatch(bucket, events, signal);
    } catch (error) {
      events.problem(error);
      await sleep(clock, delayMs, signal).catch(() => undefined);
      delayMs = Math.min(2 * delayMs, longestRetryMs);
    }
  }
  return undefined;
}

function openWatch(
  bucket: ConfigBucket,
  events: WatcherEvents,
  signal: AbortSignal,
): Promise<Watch> {
  let caughtUp = false;
  let newest: ConfigHead | undefined;
  return bucket.watch({
    signal,
    onEntry(entry) {
      const read = readEntry(entry);
      if (read === undefined) events.problem(unreadable(entry.key));
      else if (read.$typeName === "penstock.config.v1.ConfigEntry") events.entry(read);
      else {
        newest = read;
        if (caughtUp) events.head(read);
      }
    },
    onCaughtUp() {
      caughtUp = true;
      if (newest !== undefined) events.head(newest);
    },
    onProblem: (error) => events.problem(error),
  });
}

/** Reads everything that the bucket holds now. Throws UNAVAILABLE while it has no head. */
export async function listConfiguration(bucket: ConfigBucket): Promise<LoadedConfiguration> {
  const entries: ConfigEntry[] = [];
  let head: ConfigHead | undefined;
  for (const stored of await bucket.list()) {
    const read = readEntry(stored);
    if (read === undefined) throw unreadable(stored.key);
    if (read.$typeName === "penstock.config.v1.ConfigHead") head = read;
    else if (read.resource !== undefined) entries.push(read);
  }
  if (head === undefined) throw new GatewayError("UNAVAILABLE", "the bucket has no head yet");
  return { head, entries };
}

function readEntry({ key, value, deleted }: BucketEntry): ConfigEntry | ConfigHead | undefined {
  const name = resourceNameOfKey(key);
  try {
    if (key === headKey) return deleted ? undefined : fromBinary(ConfigHeadSchema, value);
    if (name === undefined) return undefined;
    if (deleted) return create(ConfigEntrySchema, { name });
    const entry = fromBinary(ConfigEntrySchema, value);
    return entry.name === name ? entry : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(key: string): GatewayError {
  return new GatewayError("INTERNAL", `bucket entry ${key.slice(0, 200)} cannot be read`);
}
