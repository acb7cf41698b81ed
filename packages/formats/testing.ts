export { documentedStreams } from "./src/conformance/documented-streams.fixture.ts";
export { writtenStreams, type Sample } from "./src/conformance/format-samples.fixture.ts";
export { writeLossTable } from "./src/conformance/loss-table.fixture.ts";
