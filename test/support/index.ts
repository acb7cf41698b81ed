export { reportClaim } from "./src/claim.ts";
export type { ClaimFigure } from "./src/claim.ts";
export { openTestDatabase } from "@penstock/database/testing";
export { startNats } from "./src/servers/nats.ts";
export type { NatsServer } from "./src/servers/nats.ts";
export { startPostgres } from "./src/servers/postgres.ts";
export type { PostgresServer } from "./src/servers/postgres.ts";
export { serverLane } from "./src/servers/server-lane.ts";
export type { LaneName, ServerLane } from "./src/servers/server-lane.ts";
