export type { Bus } from "./src/bus.ts";
export type {
  BucketEntry,
  ConfigBucket,
  PurgeOptions,
  PutOptions,
  Watch,
  WatchOptions,
} from "./src/config-bucket.ts";
export type {
  ConsumeOptions,
  Consumption,
  Delivery,
  DeliveryOutcome,
  EventStream,
  PublishResult,
  StreamMessage,
} from "./src/event-stream.ts";
export { readBusUrl } from "./src/bus-url.ts";
export type { BusUrl } from "./src/bus-url.ts";
export { openBus } from "./src/open-bus.ts";
export type { OpenBusOptions } from "./src/open-bus.ts";
export { readBusVersion } from "./src/read-bus-version.ts";
export { createMemoryBus } from "./src/memory/memory-bus.ts";
export type { MemoryBusOptions } from "./src/memory/memory-bus.ts";
export type { MemoryStreamBounds } from "./src/memory/memory-stream.ts";
export {
  configKey,
  confirmedKey,
  headKey,
  replicaOfWorker,
  resourceNameOfKey,
  usageSubject,
  workerName,
} from "./src/subjects.ts";
export { defaultTopology, maxEntryBytes } from "./src/topology.ts";
export type { BucketTopology, StoreName, StreamTopology, Topology } from "./src/topology.ts";
export type { ReadDelivery } from "./src/batch-consumer.ts";
export { batchOverheadBytes, eventsIn, joinEvents } from "./src/event-batch.ts";
export { EventConsumer } from "./src/event-consumer.ts";
export type {
  EventConsumerEvents,
  EventConsumerOptions,
  EventWork,
  NumberedEvent,
} from "./src/event-consumer.ts";
export type { ConfirmedSequence } from "./src/confirmed-writer.ts";
