import { migrate } from "@penstock/database";
import type { MigrateOptions } from "@penstock/database";
import type { Kysely } from "kysely";

import { ledgerMigration } from "./migrations/0001-ledger.ts";
import { actorMigration } from "./migrations/0002-adjustment-actor.ts";
import { schemaName } from "./schema.ts";
import type { QuotaTables } from "./schema.ts";

/** Schema `quota` as this build knows it. */
export const ledgerSchema: MigrateOptions = {
  schema: schemaName,
  migrations: { "0001-ledger": ledgerMigration, "0002-adjustment-actor": actorMigration },
};

/** Brings schema `quota` to the state of this build. */
export async function migrateLedger(db: Kysely<QuotaTables>): Promise<void> {
  await migrate(db, ledgerSchema);
}
