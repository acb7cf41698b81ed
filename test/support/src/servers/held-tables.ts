import { inTransaction, openDatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { sql } from "kysely";

/** Tables that a session of the test keeps everybody else from reading and writing. */
export interface HeldTables {
  /** Sessions of this database that now bear this application name. */
  sessions(applicationName: string): Promise<number>;
  /** Lets everybody go on. */
  release(): Promise<void>;
}

interface CatalogTables {
  readonly pg_stat_activity: { readonly application_name: string };
}

/** Locks tables, each as `schema.table`, in one transaction that stays open until the release. */
export async function holdTables(
  databaseUrl: string,
  tables: readonly string[],
): Promise<HeldTables> {
  const { logger } = silentObservability();
  const server = await openDatabaseServer({ url: databaseUrl, dataDir: "", logger });
  const db = server.connect<CatalogTables>("pg_catalog");
  const held = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const holding = inTransaction(db, async (trx) => {
    // A pool's own bound would end the session, and the locks with it, after 5 s.
    await sql`set local idle_in_transaction_session_timeout = 0`.execute(trx);
    for (const table of tables) await sql`lock table ${sql.table(table)}`.execute(trx);
    held.resolve();
    await over.promise;
  });
  try {
    await Promise.race([held.promise, holding]);
  } catch (error) {
    await server.close();
    throw error;
  }
  return {
    sessions: async (applicationName) => {
      const rows = await sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
        where datname = current_database() and application_name = ${applicationName}`.execute(db);
      return rows.rows[0]?.n ?? 0;
    },
    release: async () => {
      over.resolve();
      await holding;
      await server.close();
    },
  };
}
