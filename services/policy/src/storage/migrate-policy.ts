import { migrate } from "@penstock/database";
import type { MigrateOptions } from "@penstock/database";
import type { Kysely } from "kysely";

import { up } from "./migrations/0001-first-tables.ts";
import { schemaName } from "./schema.ts";
import type { PolicyTables } from "./schema.ts";

/** Schema `policy` as this build knows it. */
export const policySchema: MigrateOptions = {
  schema: schemaName,
  migrations: { "0001-first-tables": { up } },
};

/** Brings schema `policy` to the state of this build. */
export async function migratePolicy(db: Kysely<PolicyTables>): Promise<void> {
  await migrate(db, policySchema);
}
