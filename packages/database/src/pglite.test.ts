import { describeDatabase } from "./conformance/database-suite.ts";
import { openTestDatabase } from "./test-database.ts";

describeDatabase("PGlite", async () => {
  const server = await openTestDatabase();
  return { server, close: () => server.close() };
});
