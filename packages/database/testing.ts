export { keepSchemas } from "./src/kept-schemas.ts";
export type { KeptSchemas } from "./src/kept-schemas.ts";
export { openTestDatabase } from "./src/test-database.ts";
export { prepareDatabaseFolder } from "./src/test-folder.ts";
export { describeDatabase } from "./src/conformance/database-suite.ts";
export type { DatabaseHarness } from "./src/conformance/database-suite.ts";
export { describeFrozenMigrations } from "./src/conformance/frozen-migrations.ts";
