import type { DatabaseServer } from "@penstock/database";
import { sql } from "kysely";

/** Removes all records, so that a test begins with none. */
export async function dropRecords(server: DatabaseServer): Promise<void> {
  const db = server.connect("telemetry");
  await sql`drop schema if exists telemetry cascade`.execute(db);
  await db.destroy();
}

/** Adds sums of one hour as a build stored them that knew no tiers. */
export async function addFormerSums(
  server: DatabaseServer,
  hourMs: number,
  requests: bigint,
): Promise<void> {
  const db = server.connect("telemetry");
  await sql`insert into telemetry.rollups values (${hourMs}, '', '', '', '', '', '', '', 1, '',
    ${requests}, 0, 0, 0, 0, 0, 0)`.execute(db);
  await db.destroy();
}
