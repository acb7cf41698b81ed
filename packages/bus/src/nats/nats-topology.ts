import { AckPolicy, DeliverPolicy, DiscardPolicy, RetentionPolicy } from "@nats-io/jetstream";
import type { JetStreamClient, JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { nanos } from "@nats-io/transport-node";
import type { Logger } from "@penstock/observability";
import type { BucketTopology, StreamTopology, Topology } from "../topology.ts";
import { apiCode, apiCodeOf } from "./nats-errors.ts";

/** What creating needs. */
export interface TopologyContext {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly logger: Logger;
  /** False for a single server, which keeps one copy whatever is asked. */
  readonly clustered: boolean;
}

type Limits = Partial<StreamConfig>;

/** The JetStream stream behind a key-value bucket (NATS's own convention). */
export function bucketStream(bucket: string): string {
  return `KV_${bucket}`;
}

/** Creates what is missing and brings the limits of what exists to those of this build. */
export async function createTopology(context: TopologyContext, topology: Topology): Promise<void> {
  for (const bucket of [topology.config, topology.routers, topology.confirmed]) {
    await ensure(context, bucketStream(bucket.name), bucketLimits(bucket), (spread) =>
      createBucket(context, bucket, spread ? bucket.replicas : 1),
    );
  }
  const { usage } = topology;
  await ensure(context, usage.name, streamLimits(usage), async (spread) => {
    const replicas = spread ? usage.replicas : 1;
    await context.manager.streams.add({ ...streamConfig(usage), num_replicas: replicas });
  });
  for (const consumer of usage.consumers) await createConsumer(context, usage, consumer);
}

/** Creates a durable consumer; nothing happens when it exists with these settings. */
export async function createConsumer(
  context: Pick<TopologyContext, "manager">,
  stream: StreamTopology,
  consumer: string,
): Promise<void> {
  await context.manager.consumers.add(stream.name, {
    durable_name: consumer,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(stream.ackWaitMs),
    max_ack_pending: stream.maxUnacknowledged,
    max_deliver: -1,
  });
}

function bucketLimits(bucket: BucketTopology): Limits {
  return {
    max_bytes: bucket.maxBytes,
    max_msg_size: bucket.maxValueBytes,
    max_age: nanos(bucket.expireAfterMs),
  };
}

function streamLimits(stream: StreamTopology): Limits {
  return {
    max_bytes: stream.maxBytes,
    max_msg_size: stream.maxMessageBytes,
    max_age: nanos(stream.maxAgeMs),
    duplicate_window: nanos(stream.dedupeWindowMs),
  };
}

function streamConfig(stream: StreamTopology): StreamConfig & { name: string } {
  return {
    ...streamLimits(stream),
    name: stream.name,
    subjects: [...stream.subjects],
    // Kept until every consumer answered; the consumers are created with the stream, so that
    // nothing published before a service first starts is dropped for want of a reader.
    retention: RetentionPolicy.Interest,
    // Full means "not now": the router's spool keeps what is refused (reliability rule 2.9).
    discard: DiscardPolicy.New,
  } as StreamConfig & { name: string };
}

async function createBucket(
  context: TopologyContext,
  bucket: BucketTopology,
  replicas: number,
): Promise<void> {
  await new Kvm(context.client).create(bucket.name, {
    description: bucket.description,
    history: 1,
    replicas,
    max_bytes: bucket.maxBytes,
    maxValueSize: bucket.maxValueBytes,
    // The whole bucket expires entries; a time to live per key needs a newer server than 2.9.
    ...(bucket.expireAfterMs > 0 ? { ttl: bucket.expireAfterMs } : {}),
    // Direct reads may come from a replica that lags behind the write just acknowledged.
    allow_direct: false,
  });
}

async function ensure(
  context: TopologyContext,
  name: string,
  limits: Limits,
  create: (spread: boolean) => Promise<void>,
): Promise<void> {
  const { manager, logger } = context;
  try {
    const { config } = await manager.streams.info(name);
    const differs = Object.entries(limits).some(
      ([key, value]) => config[key as keyof StreamConfig] !== value,
    );
    if (differs) await manager.streams.update(name, limits);
    return;
  } catch (error) {
    if (apiCodeOf(error) !== apiCode.streamNotFound) throw error;
  }
  try {
    await create(context.clustered);
  } catch (error) {
    if (!isTooFewServers(error)) throw error;
    logger.warn("the NATS cluster has too few servers; one copy is kept", { stream: name });
    await create(false);
  }
}

function isTooFewServers(error: unknown): boolean {
  const code = apiCodeOf(error);
  return code === apiCode.replicasNotSupported || code === apiCode.noSuitablePeers;
}
