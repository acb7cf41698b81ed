import type { MigrateOptions } from "@penstock/database";

import { up } from "./migrations/0001-first-tables.ts";
import { schemaName } from "./schema.ts";

/** Schema `policy` as this build knows it. */
export const policySchema: MigrateOptions = {
  schema: schemaName,
  migrations: { "0001-first-tables": { up } },
};
