/** What one bucket keeps. */
export interface BucketTopology {
  readonly name: string;
  readonly description: string;
  /** Copies in a cluster of three or more servers; a single server keeps one. */
  readonly replicas: number;
  readonly maxValueBytes: number;
  /** Keys, deleted ones included. */
  readonly maxEntries: number;
  /** Of all values together. */
  readonly maxBytes: number;
  /** Entries not rewritten for this long disappear; 0: never. */
  readonly expireAfterMs: number;
}

/** What one stream keeps, and how its consumers are treated. */
export interface StreamTopology {
  readonly name: string;
  readonly subjects: readonly string[];
  /** Durable consumers that exist from the start, so that nothing is published past them. */
  readonly consumers: readonly string[];
  readonly replicas: number;
  readonly maxMessageBytes: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** A message id repeated within this time is kept once. */
  readonly dedupeWindowMs: number;
  /** A delivery not answered within this time of it, or of the last progress, comes again. */
  readonly ackWaitMs: number;
  /** Deliveries of one consumer that may be unanswered at once. */
  readonly maxUnacknowledged: number;
}

/** Everything Penstock asks a bus to keep. */
export interface Topology {
  readonly config: BucketTopology;
  readonly routers: BucketTopology;
  readonly confirmed: BucketTopology;
  readonly intents: BucketTopology;
  readonly hints: BucketTopology;
  readonly usage: StreamTopology;
}

/** A bucket or stream, by its key. */
export type StoreName = keyof Topology;

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const gibibyte = 1024 * mebibyte;
const dayMs = 86_400_000;

/** Decision 7: an entry has at most 256 KiB. */
export const maxEntryBytes = 256 * kibibyte;

/** The limits Penstock ships with. */
export const defaultTopology: Topology = {
  config: {
    name: "penstock_config",
    description: "Configuration, pushed to every router; the policy database is the truth.",
    replicas: 3,
    maxValueBytes: maxEntryBytes,
    // 200,000 entries (decision 7), as many deletions (purged after an hour), 10 KiB on average.
    maxEntries: 400_000,
    maxBytes: 2 * gibibyte,
    expireAfterMs: 0,
  },
  routers: {
    name: "penstock_routers",
    description: "Which router replicas live and what they applied.",
    replicas: 3,
    maxValueBytes: maxEntryBytes,
    maxEntries: 10_000,
    maxBytes: 64 * mebibyte,
    // A router writes every 10 s (decision 7): three misses and it is gone.
    expireAfterMs: 30_000,
  },
  confirmed: {
    name: "penstock_confirmed",
    description: "How far each consumer has stored each router's usage.",
    replicas: 3,
    maxValueBytes: kibibyte,
    // Two consumers, 1,000 replicas, ten starts of each a day.
    maxEntries: 500_000,
    maxBytes: 64 * mebibyte,
    // A life of a router leaves a key behind. Thrice the time that the usage stream keeps an
    // event: a spool that is older has been delivered again anyway. One that expired too early
    // costs a second delivery, which both ledgers recognise and confirm; it never loses anything.
    expireAfterMs: 21 * dayMs,
  },
  intents: {
    name: "penstock_intents",
    description: "Requests that run at routers whose disk is not durable.",
    replicas: 3,
    maxValueBytes: maxEntryBytes,
    // What ended is purged. Where the server's permissions forbid that, each request leaves a mark
    // until it expires: that is room for 277 requests a second of all routers together.
    maxEntries: 2_000_000,
    maxBytes: gibibyte,
    // A request runs for 15 minutes at most, and is taken for lost after 20.
    expireAfterMs: 7_200_000,
  },
  hints: {
    name: "penstock_hints",
    description: "What providers asked one router to leave alone, for the others.",
    replicas: 3,
    maxValueBytes: kibibyte,
    maxEntries: 10_000,
    maxBytes: 16 * mebibyte,
    // Reliability rule 2.5: a hint lives for a minute at most.
    expireAfterMs: 60_000,
  },
  usage: {
    name: "penstock_usage",
    subjects: ["usage.v1.>"],
    // Decision 5: two independent consumers of one stream.
    consumers: ["quota", "telemetry"],
    replicas: 3,
    maxMessageBytes: maxEntryBytes,
    // Bounds the server's index in memory where events are small.
    maxMessages: 20_000_000,
    maxBytes: 8 * gibibyte,
    // Routers replay from their spool what the bus has forgotten (reliability rule 2.9).
    maxAgeMs: 7 * dayMs,
    // Longer than a router needs to reconnect and repeat what it has no answer for.
    dedupeWindowMs: 120_000,
    // Longer than the slowest transaction of a consumer with its retries. A batch of messages with
    // many events takes up to 21 of them; a consumer tells of its progress before each.
    ackWaitMs: 30_000,
    maxUnacknowledged: 4_096,
  },
};
