export { describeConfigBucket } from "./src/conformance/config-bucket-suite.ts";
export type { BucketHarness } from "./src/conformance/config-bucket-suite.ts";
export { describeEventStream } from "./src/conformance/event-stream-suite.ts";
export type { StreamHarness } from "./src/conformance/event-stream-suite.ts";
