import { fromBinary } from "@bufbuild/protobuf";
import { ConfigEntrySchema } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import { headKey } from "@penstock/bus";
import { relayOutbox } from "@penstock/database";
import type { OutboxRelay, OutboxRow } from "@penstock/database";
import { attributeNames, parseTraceparent } from "@penstock/observability";
import type { Observability, Span } from "@penstock/observability";
import type { Clock, HealthRegistry } from "@penstock/runtime";
import type { PolicyEvents } from "../events.ts";
import type { PolicyDatabase } from "../storage/open-storage.ts";
import { schemaName } from "../storage/schema.ts";
import { readBusHead, refuseForeignHead } from "./bus-head.ts";
import { RefusedEntry } from "./refused-entry.ts";

/** What the publisher works with. */
export interface ConfigPublisherOptions {
  readonly db: PolicyDatabase;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly observability: Observability;
  readonly events: PolicyEvents;
  /** Told of an entry that the bus never takes, as nothing after it is published. */
  readonly health: HealthRegistry;
  readonly installationId: string;
}

/**
 * Relays the outbox to bucket `config`, in the order of the commits: the entries of a revision,
 * then its head. Any number of replicas may run it; the holder of the relay's lock publishes, and
 * every write names the position that the key must have, so that one who lost the lock without
 * knowing can't put an old entry over a newer one, or delete it. A deletion leaves nothing behind.
 */
export function startConfigPublisher(options: ConfigPublisherOptions): OutboxRelay {
  const hold = new Hold(options);
  const { db, clock, observability } = options;
  const relay = relayOutbox({
    db,
    schema: schemaName,
    clock,
    logger: observability.logger,
    publish: (rows, signal) => hold.publish(rows, signal),
  });
  const close = async (): Promise<void> => {
    await relay.close();
    hold.end();
  };
  return { notify: relay.notify, close };
}

class Hold {
  readonly #options: ConfigPublisherOptions;
  readonly #refused: RefusedEntry;
  /** One signal per time that the relay's lock is held. */
  #signal: AbortSignal | undefined;
  #positions = new Map<string, bigint>();

  constructor(options: ConfigPublisherOptions) {
    this.#options = options;
    this.#refused = new RefusedEntry(options);
  }

  async publish(rows: readonly OutboxRow[], signal: AbortSignal): Promise<number> {
    if (signal !== this.#signal) await this.#begin(signal);
    let published = 0;
    for (const group of byTrace(rows)) {
      const span = this.#startSpan(group);
      try {
        for (const row of group) {
          signal.throwIfAborted();
          await this.#put(row).catch((error: unknown) => this.#refused.handle(row, error));
          published += 1;
        }
      } catch (error) {
        // The positions may be out of date: they are read anew before the next try.
        this.#signal = undefined;
        span.fail();
        this.#options.events.publishFailed(error);
        return published;
      } finally {
        span.end();
      }
    }
    this.#refused.forget();
    return published;
  }

  /** After the last `publish`. */
  end(): void {
    this.#refused.forget();
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { bus, installationId } = this.#options;
    refuseForeignHead(await readBusHead(bus.config), installationId);
    const entries = await bus.config.list();
    this.#positions = new Map(entries.map(({ key, revision }) => [key, revision]));
    this.#signal = signal;
  }

  async #put({ subject, payload }: OutboxRow): Promise<void> {
    const { bus, events } = this.#options;
    const expectedRevision = this.#positions.get(subject) ?? 0n;
    if (payload === null) {
      const upTo = await bus.config.delete(subject, { expectedRevision });
      this.#positions.delete(subject);
      await bus.config.purge(subject, { upTo });
      return;
    }
    const position = await bus.config.put(subject, payload, { expectedRevision });
    this.#positions.set(subject, position);
    if (subject === headKey) events.headPublished();
    else events.entryPublished(fromBinary(ConfigEntrySchema, payload).resource === undefined);
  }

  #startSpan(group: readonly OutboxRow[]): Span {
    const parent = parseTraceparent(group[0]?.traceparent ?? "");
    const attributes = {
      [attributeNames.messagingSystem]: this.#options.bus.kind === "nats" ? "nats" : "memory",
      [attributeNames.messagingOperationName]: "publish",
      [attributeNames.messagingOperationType]: "send",
      [attributeNames.messagingDestinationName]: "config",
      [attributeNames.messagingBatchMessageCount]: group.length,
    };
    const { tracer } = this.#options.observability;
    return tracer.startSpan("publish config", { kind: "producer", parent, attributes });
  }
}

/** Neighbouring rows of one change, so that each change has one span. */
function byTrace(rows: readonly OutboxRow[]): OutboxRow[][] {
  const groups: OutboxRow[][] = [];
  for (const row of rows) {
    const group = groups.at(-1);
    if (group !== undefined && group[0]?.traceparent === row.traceparent) group.push(row);
    else groups.push([row]);
  }
  return groups;
}
