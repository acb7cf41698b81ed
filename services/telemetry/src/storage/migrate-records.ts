import { migrate } from "@penstock/database";
import type { MigrateOptions } from "@penstock/database";
import type { Kysely } from "kysely";

import { recordsMigration } from "./migrations/0001-records.ts";
import { serviceTierMigration } from "./migrations/0002-service-tier.ts";
import { schemaName } from "./schema.ts";
import type { TelemetryTables } from "./schema.ts";

/** Schema `telemetry` as this build knows it. */
export const recordsSchema: MigrateOptions = {
  schema: schemaName,
  migrations: { "0001-records": recordsMigration, "0002-service-tier": serviceTierMigration },
};

/** Brings schema `telemetry` to the state of this build. */
export async function migrateRecords(db: Kysely<TelemetryTables>): Promise<void> {
  await migrate(db, recordsSchema);
}
