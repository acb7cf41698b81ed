import { sql } from "kysely";
import type { Kysely } from "kysely";

const statements = [
  // A default that is a constant rewrites no row, however many there are.
  `alter table telemetry.records add column service_tier text not null default ''`,
  `create table telemetry.rollups_by_tier (
    hour_ms bigint not null,
    team text not null, project text not null, virtual_key text not null,
    model text not null, provider text not null, deployment text not null, route text not null,
    outcome integer not null, end_user text not null, service_tier text not null,
    requests bigint not null, attempts bigint not null, input_tokens bigint not null,
    output_tokens bigint not null, cost_nano_usd bigint not null,
    estimated_requests bigint not null, unpriced_requests bigint not null,
    primary key (hour_ms, project, virtual_key, model, deployment, outcome, end_user, route,
      team, provider, service_tier)
  )`,
];

/**
 * Sums by service tier. They have a table of their own: with another key, the former one would
 * refuse the sums of a former build that still runs, which gives up such records after a while.
 */
export const serviceTierMigration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
