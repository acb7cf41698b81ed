export { isProving, reportClaim } from "./src/claim.ts";
export type { ClaimFigure } from "./src/claim.ts";
export { openTestDatabase } from "@penstock/database/testing";
export { startNats } from "./src/servers/nats.ts";
export type { NatsOptions, NatsRestart, NatsServer } from "./src/servers/nats.ts";
export { startNatsCluster } from "./src/servers/nats-cluster.ts";
export type { NatsCluster } from "./src/servers/nats-cluster.ts";
export { requestNats } from "./src/servers/raw-nats.ts";
export { startPostgres } from "./src/servers/postgres.ts";
export type { PostgresServer } from "./src/servers/postgres.ts";
export { holdTables } from "./src/servers/held-tables.ts";
export type { HeldTables } from "./src/servers/held-tables.ts";
export { missingServers } from "./src/servers/missing-servers.ts";
export { serverLane } from "./src/servers/server-lane.ts";
export type { LaneName, ServerLane } from "./src/servers/server-lane.ts";
export { askOverGrpc } from "./src/callers/grpc-caller.ts";
export { askOverHttp, sendHttp } from "./src/callers/http-caller.ts";
export type { HttpAnswer, HttpQuestion } from "./src/callers/http-caller.ts";
export type { Question, Transcript, TranscriptError } from "./src/callers/transcript.ts";
export { startConstellation } from "./src/constellation/constellation.ts";
export type {
  Constellation,
  ConstellationOptions,
  RouterDoors,
} from "./src/constellation/constellation.ts";
export { startServers } from "./src/constellation/servers.ts";
export type { ServersConstellation, ServersOptions } from "./src/constellation/servers.ts";
export type { LinkName } from "./src/constellation/links.ts";
export type { RoleName } from "./src/constellation/role-plan.ts";
export { onlyEmbedded } from "./src/constellation/shape.ts";
export type { RoleProcess } from "./src/processes/role-process.ts";
export {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
} from "./src/constellation/manifests.ts";
export { startFaultProxy } from "./src/faults/fault-proxy.ts";
export type { FaultProxy, ProxyFaults } from "./src/faults/fault-proxy.ts";
export type { LinkFaults } from "./src/faults/link-faults.ts";
export { startOtlpReceiver } from "./src/traces/otlp-receiver.ts";
export type { OtlpReceiver } from "./src/traces/otlp-receiver.ts";
export type { ReceivedSpan } from "./src/traces/received-span.ts";
export { drawTree, spanTree } from "./src/traces/span-tree.ts";
export type { SpanNode } from "./src/traces/span-tree.ts";
export { findBrokenInvariants } from "./src/checks/invariants.ts";
export type { Evidence, InvariantName } from "./src/checks/invariants.ts";
