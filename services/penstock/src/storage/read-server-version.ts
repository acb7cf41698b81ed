import type { DatabaseServer } from "@penstock/database";
import { GatewayError } from "@penstock/errors";

interface CatalogTables {
  readonly pg_settings: { readonly name: string; readonly setting: string };
}

/** The version of the database server, such as `17.2`. Throws what the driver throws. */
export async function readServerVersion(server: DatabaseServer): Promise<string> {
  try {
    const row = await server
      .connect<CatalogTables>("pg_catalog", { maxConnections: 1 })
      .selectFrom("pg_settings")
      .select("setting")
      .where("name", "=", "server_version")
      .executeTakeFirstOrThrow();
    return row.setting;
  } catch (error) {
    const cause = error instanceof GatewayError ? error.cause : undefined;
    throw cause instanceof Error && cause.message !== "" ? cause : error;
  }
}
