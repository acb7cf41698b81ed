import { openDatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { describeLedger } from "@penstock/quota/testing";
import { serverLane, startPostgres } from "@penstock/test-support";

serverLane("postgres").describe("quota with PostgreSQL", () => {
  describeLedger("PostgreSQL", async () => {
    const postgres = await startPostgres();
    const url = await postgres.createDatabase("quota");
    const { logger } = silentObservability();
    const server = await openDatabaseServer({ url, dataDir: "unused", logger });
    const close = async (): Promise<void> => {
      await server.close();
      await postgres.stop();
    };
    return { kind: server.kind, failed: server.failed, connect: server.connect, close };
  });
});
