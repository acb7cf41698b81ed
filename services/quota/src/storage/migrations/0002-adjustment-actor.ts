import { sql } from "kysely";
import type { Kysely } from "kysely";

/** Who made an adjustment. A default that is a constant rewrites no row, however many there are. */
export const actorMigration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table quota.transfers add column actor text not null default ''`.execute(db);
  },
};
