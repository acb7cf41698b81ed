import { createSequenceTable, createSettingTable } from "@penstock/database";
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { schemaName } from "../schema.ts";

const dimensions = `team text not null, project text not null, virtual_key text not null,
    model text not null, provider text not null, deployment text not null, route text not null,
    outcome integer not null, end_user text not null`;
const sums = `attempts bigint not null, input_tokens bigint not null,
    output_tokens bigint not null, cost_nano_usd bigint not null`;

const statements = [
  `create table telemetry.records (
    request_id text primary key,
    replica text not null,
    epoch bigint not null,
    sequence bigint,
    start_ms bigint not null,
    store_ms bigint not null,
    ${dimensions},
    ${sums},
    estimated boolean not null,
    unpriced boolean not null,
    rating integer not null,
    rated_cost_nano_usd bigint,
    event bytea not null,
    unique (replica, epoch, sequence)
  )`,
  `create index records_start on telemetry.records (start_ms desc, request_id desc)`,
  `create index records_project on telemetry.records (project, start_ms desc, request_id desc)`,
  `create index records_key on telemetry.records (virtual_key, start_ms desc, request_id desc)`,
  `create table telemetry.rollups (
    hour_ms bigint not null,
    ${dimensions},
    requests bigint not null,
    ${sums},
    estimated_requests bigint not null,
    unpriced_requests bigint not null,
    primary key (hour_ms, project, virtual_key, model, deployment, outcome, end_user, route,
      team, provider)
  )`,
];

/** The first tables of the usage records. */
export const recordsMigration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
    await createSequenceTable(db, schemaName);
    await createSettingTable(db, schemaName);
  },
};
