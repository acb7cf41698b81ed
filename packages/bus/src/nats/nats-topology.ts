import { AckPolicy, DeliverPolicy, DiscardPolicy } from "@nats-io/jetstream";
import { RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { ConsumerConfig, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import type { OpenBusOptions } from "../open-bus.ts";
import type { BucketTopology, StreamTopology, Topology } from "../topology.ts";

/** What one stream of the server shall be. Buckets are streams, too (NATS's own convention). */
export interface WantedStream {
  readonly name: string;
  /** Copies in a cluster. */
  readonly replicas: number;
  /** Given when the stream is created; that it still is so is a condition of using it. */
  readonly fixed: Pick<StreamConfig, "subjects" | "retention" | "storage">;
  /** Brought to what this build wants whenever it differs. */
  readonly limits: Partial<StreamConfig>;
  /** Durable consumers that exist from the start. */
  readonly consumers: readonly Partial<ConsumerConfig>[];
  /** Of this process; else another one makes it and keeps it up to date. */
  readonly owned: boolean;
}

const stores = ["config", "routers", "confirmed", "intents", "hints", "usage"] as const;
const defaultDedupeMs = 120_000;

/** The JetStream stream behind a key-value bucket. */
export function bucketStream(bucket: string): string {
  return `KV_${bucket}`;
}

/**
 * Everything that shall exist. `replicas` is for all of it, in a cluster; `owns` absent: all is
 * this process's own.
 */
export function wantedStreams(
  topology: Topology,
  { replicas, owns }: Pick<OpenBusOptions, "replicas" | "owns"> = {},
): WantedStream[] {
  return stores.map((store) => {
    const wanted = store === "usage" ? wantedStream(topology.usage) : wantedBucket(topology[store]);
    const owned = owns === undefined || owns.includes(store);
    return { ...wanted, replicas: replicas ?? wanted.replicas, owned };
  });
}

/** A durable consumer; creating it again with these settings changes nothing. */
export function wantedConsumer(stream: StreamTopology, consumer: string): Partial<ConsumerConfig> {
  return {
    durable_name: consumer,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(stream.ackWaitMs),
    max_ack_pending: stream.maxUnacknowledged,
    max_deliver: -1,
  };
}

function wantedBucket(bucket: BucketTopology): Omit<WantedStream, "owned"> {
  const dedupeMs = Math.min(defaultDedupeMs, bucket.expireAfterMs || defaultDedupeMs);
  return {
    name: bucketStream(bucket.name),
    replicas: bucket.replicas,
    fixed: {
      subjects: [`$KV.${bucket.name}.>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
    },
    limits: {
      description: bucket.description,
      max_msgs_per_subject: 1,
      max_msgs: bucket.maxEntries,
      max_bytes: bucket.maxBytes,
      max_msg_size: bucket.maxValueBytes,
      // The whole bucket expires entries; a time to live per key needs a newer server than 2.9.
      max_age: nanos(bucket.expireAfterMs),
      duplicate_window: nanos(dedupeMs),
      discard: DiscardPolicy.New,
      allow_rollup_hdrs: true,
      deny_delete: true,
      // Direct reads may come from a replica that lags behind the write just acknowledged.
      allow_direct: false,
    },
    consumers: [],
  };
}

function wantedStream(stream: StreamTopology): Omit<WantedStream, "owned"> {
  return {
    name: stream.name,
    replicas: stream.replicas,
    fixed: {
      subjects: [...stream.subjects],
      // Kept until every consumer answered; the consumers are created with the stream, so that
      // nothing published before a service first starts is dropped for want of a reader.
      retention: RetentionPolicy.Interest,
      storage: StorageType.File,
    },
    limits: {
      max_msgs: stream.maxMessages,
      max_bytes: stream.maxBytes,
      max_msg_size: stream.maxMessageBytes,
      max_age: nanos(stream.maxAgeMs),
      duplicate_window: nanos(stream.dedupeWindowMs),
      // Full means "not now": the router's spool keeps what is refused (reliability rule 2.9).
      discard: DiscardPolicy.New,
    },
    consumers: stream.consumers.map((consumer) => wantedConsumer(stream, consumer)),
  };
}

/** What has to be changed of a stream that exists, and what is left as it is. */
export interface StreamChanges {
  readonly update: Partial<StreamConfig>;
  /** Limits that are not lowered, because the server would delete what is beyond them. */
  readonly kept: string[];
}

/**
 * Compares a stream with what is wanted.
 *
 * @throws GatewayError FAILED_PRECONDITION when it is another kind of stream, which no update can
 * turn into the wanted one.
 */
export function compareStream(
  wanted: WantedStream,
  { config, state }: Pick<StreamInfo, "config" | "state">,
  replicas: number,
): StreamChanges {
  refuseOtherKind(wanted, config);
  const update: Record<string, unknown> = {};
  const kept: string[] = [];
  const limits: Partial<StreamConfig> = { ...wanted.limits, num_replicas: replicas };
  const stored: Partial<Record<string, number>> = {
    max_bytes: state.bytes,
    max_msgs: state.messages,
  };
  for (const [key, value] of Object.entries(limits)) {
    if (sameValue(config[key as keyof StreamConfig], value)) continue;
    if ((stored[key] ?? 0) > Number(value)) kept.push(key);
    else update[key] = value;
  }
  return { update, kept };
}

/** A server leaves out what is zero, false or empty. */
function sameValue(found: unknown, wanted: unknown): boolean {
  return found === wanted || (!found && !wanted);
}

function refuseOtherKind({ name, fixed }: WantedStream, found: StreamConfig): void {
  const differences: string[] = [];
  for (const [key, value] of Object.entries(fixed)) {
    const [is, shallBe] = [found[key as keyof StreamConfig], value].map((one) => String(one));
    if (is !== shallBe) differences.push(`${key} is ${is}, Penstock needs ${shallBe}`);
  }
  if (differences.length === 0) return;
  const message =
    `stream ${name} exists but is not Penstock's: ${differences.join("; ")}. ` +
    "Remove it, or give Penstock a NATS account of its own.";
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}
