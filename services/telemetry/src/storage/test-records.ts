import type { DatabaseServer } from "@penstock/database";
import { sql } from "kysely";

/** Removes all records, so that a test begins with none. */
export async function dropRecords(server: DatabaseServer): Promise<void> {
  const db = server.connect("telemetry");
  await sql`drop schema if exists telemetry cascade`.execute(db);
  await db.destroy();
}
