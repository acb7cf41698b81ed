import type { ConfigBucket } from "./config-bucket.ts";
import type { EventStream } from "./event-stream.ts";

/** Everything the services exchange beside their calls. */
export interface Bus {
  readonly kind: "memory" | "nats";
  /** Configuration: policy writes, all follow. */
  readonly config: ConfigBucket;
  /** Living replicas; an entry expires 30 s after it was last written. */
  readonly routers: ConfigBucket;
  /** How far consumers of `usage` got, per replica; routers read it. */
  readonly confirmed: ConfigBucket;
  /**
   * Requests that routers with `usage_durability: bus_ack` have begun, as the events they become if
   * nothing more is heard of them; `<worker>.<epoch>.<request id>`.
   */
  readonly intents: ConfigBucket;
  /**
   * What providers asked one router to leave alone, told to the others; `<scope>.<hash>`. Nobody
   * depends on it: an entry expires 60 s after it was written.
   */
  readonly hints: ConfigBucket;
  /** Usage events: routers publish; quota and telemetry consume. */
  readonly usage: EventStream;
  /** Whether the bus can be reached now; for readiness and metrics. */
  connected(): boolean;
  /**
   * Calls when the bus may have lost what it held: after every connection, and when something of it
   * was made again or has not simply gone on. Gives the function that ends it. A bus inside the
   * process never calls.
   */
  onRestored(listener: () => void): () => void;
  /** Ends every watch and consumer, then the connection. */
  close(): Promise<void>;
}
