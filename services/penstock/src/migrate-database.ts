import { migrate, schemaState } from "@penstock/database";
import type { DatabaseServer, MigrateOptions } from "@penstock/database";
import { policySchema } from "@penstock/policy";
import { ledgerSchema } from "@penstock/quota";
import { recordsSchema } from "@penstock/telemetry";

/** What became of one schema. */
export interface MigratedSchema {
  readonly schema: string;
  /** Names of the migrations that were missing before; all have run now. */
  readonly applied: readonly string[];
}

const schemas: readonly MigrateOptions[] = [policySchema, ledgerSchema, recordsSchema];

/**
 * Brings every schema of the database to the state of this build. Safe beside others that do the
 * same: one at a time, and each finds what is left to do.
 *
 * @throws GatewayError FAILED_PRECONDITION for a schema of a newer build, INTERNAL for a migration
 * that failed, or the error of a database that can't be reached.
 */
export async function migrateDatabase(server: DatabaseServer): Promise<MigratedSchema[]> {
  const migrated: MigratedSchema[] = [];
  for (const options of schemas) {
    const db = server.connect(options.schema);
    const { missing } = await schemaState(db, options);
    await migrate(db, options);
    migrated.push({ schema: options.schema, applied: missing });
  }
  return migrated;
}
