import { explainUnreachable, migrate, toStorageError } from "@penstock/database";
import type { DatabaseServer, MigrateOptions } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { policySchema } from "@penstock/policy";
import { ledgerSchema } from "@penstock/quota";
import { recordsSchema } from "@penstock/telemetry";

/** What became of one schema. */
export interface MigratedSchema {
  readonly schema: string;
  /** Names of the migrations that this run applied; none is missing now. */
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
    migrated.push({ schema: options.schema, applied: await migrate(db, options) });
  }
  return migrated;
}

/** What keeps the database from being used, instead of the sentence for callers of services. */
export function explainMigrationFailure(thrown: unknown): unknown {
  const error = toStorageError(thrown);
  if (error instanceof GatewayError && error.reason !== "UNAVAILABLE") return error;
  const { cause, advice } = explainUnreachable(thrown);
  const message = `The database can't be used: ${cause}; ${advice}.`;
  return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}
