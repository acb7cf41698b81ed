import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";

import { hourMs, hourOf } from "../rollups/roll-up-hour.ts";
import type { HourSums } from "../rollups/roll-up-hour.ts";
import { dimensionsFit } from "./record-store.ts";
import type { RecordFilter } from "./record-store.ts";
import type { TelemetryTables } from "./schema.ts";

/** Adds sums to those of their hours, in the transaction that stores the records. */
export async function addRollups(
  trx: Transaction<TelemetryTables>,
  sums: readonly HourSums[],
): Promise<void> {
  if (sums.length === 0) return;
  await sql`
    insert into telemetry.rollups_by_tier as r (hour_ms, team, project, virtual_key, model, provider,
      deployment, route, outcome, end_user, service_tier, requests, attempts, input_tokens,
      output_tokens, cost_nano_usd, estimated_requests, unpriced_requests)
    select * from unnest(
      ${sums.map((one) => one.hourMs)}::bigint[],
      ${sums.map((one) => one.of.team)}::text[],
      ${sums.map((one) => one.of.project)}::text[],
      ${sums.map((one) => one.of.virtualKey)}::text[],
      ${sums.map((one) => one.of.model)}::text[],
      ${sums.map((one) => one.of.provider)}::text[],
      ${sums.map((one) => one.of.deployment)}::text[],
      ${sums.map((one) => one.of.route)}::text[],
      ${sums.map((one) => one.of.outcome)}::integer[],
      ${sums.map((one) => one.of.endUser)}::text[],
      ${sums.map((one) => one.of.serviceTier)}::text[],
      ${sums.map((one) => one.requests)}::bigint[],
      ${sums.map((one) => one.attempts)}::bigint[],
      ${sums.map((one) => one.inputTokens)}::bigint[],
      ${sums.map((one) => one.outputTokens)}::bigint[],
      ${sums.map((one) => one.costNanoUsd)}::bigint[],
      ${sums.map((one) => one.estimatedRequests)}::bigint[],
      ${sums.map((one) => one.unpricedRequests)}::bigint[])
    on conflict (hour_ms, project, virtual_key, model, deployment, outcome, end_user, route,
      team, provider, service_tier) do update set
      requests = r.requests + excluded.requests, attempts = r.attempts + excluded.attempts,
      input_tokens = r.input_tokens + excluded.input_tokens,
      output_tokens = r.output_tokens + excluded.output_tokens,
      cost_nano_usd = r.cost_nano_usd + excluded.cost_nano_usd,
      estimated_requests = r.estimated_requests + excluded.estimated_requests,
      unpriced_requests = r.unpriced_requests + excluded.unpriced_requests`.execute(trx);
}

/** A column to group by; `day` is the day of the start in UTC. */
export type GroupColumn =
  | "team"
  | "project"
  | "virtual_key"
  | "model"
  | "provider"
  | "deployment"
  | "route"
  | "outcome"
  | "end_user"
  | "service_tier"
  | "day";

/** The sums of one group. Tokens, and money in nano-USD. */
export interface GroupSums {
  /** In the order asked for; an outcome is its number. */
  readonly dimensions: readonly string[];
  readonly requests: bigint;
  readonly completedRequests: bigint;
  readonly refusedRequests: bigint;
  readonly attempts: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly costNanoUsd: bigint;
  readonly estimatedRequests: bigint;
  readonly unpricedRequests: bigint;
}

interface GroupRow {
  dimensions: string[];
  requests: bigint;
  completed: bigint;
  refused: bigint;
  attempts: bigint;
  input_tokens: bigint;
  output_tokens: bigint;
  cost_nano_usd: bigint;
  estimated_requests: bigint;
  unpriced_requests: bigint;
}

/** Values of `RequestOutcome` that are counted apart. */
export interface CountedOutcomes {
  readonly completed: number;
  readonly refused: number;
}

/**
 * Sums requests by groups, in the order of the group values: whole hours from the rollups, what
 * is left of an hour at either end from the records, in one statement and thus of one moment.
 */
export async function sumUsage(
  db: Kysely<TelemetryTables>,
  filter: RecordFilter,
  query: {
    readonly groupBy: readonly GroupColumn[];
    readonly size: number;
    readonly outcomes: CountedOutcomes;
  },
): Promise<GroupSums[]> {
  const { groupBy, size, outcomes } = query;
  const values = groupBy.map((column) =>
    column === "day" ? day : sql`${sql.id(column)}::text collate "C"`,
  );
  const dimensions = values.length === 0 ? sql`array[]::text[]` : sql`array[${sql.join(values)}]`;
  const { rows } = await sql<GroupRow>`
    select ${dimensions} as dimensions,
      coalesce(sum(requests), 0)::bigint as requests,
      coalesce(sum(requests) filter (where outcome = ${outcomes.completed}), 0)::bigint as completed,
      coalesce(sum(requests) filter (where outcome = ${outcomes.refused}), 0)::bigint as refused,
      coalesce(sum(attempts), 0)::bigint as attempts,
      coalesce(sum(input_tokens), 0)::bigint as input_tokens,
      coalesce(sum(output_tokens), 0)::bigint as output_tokens,
      coalesce(sum(cost_nano_usd), 0)::bigint as cost_nano_usd,
      coalesce(sum(estimated_requests), 0)::bigint as estimated_requests,
      coalesce(sum(unpriced_requests), 0)::bigint as unpriced_requests
    from (${usageRows(filter)}) as usage
    ${groupBy.length === 0 ? sql`` : sql`group by 1 order by 1`}
    limit ${size}`.execute(db);
  return rows.map((row) => ({
    dimensions: row.dimensions,
    requests: row.requests,
    completedRequests: row.completed,
    refusedRequests: row.refused,
    attempts: row.attempts,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    costNanoUsd: row.cost_nano_usd,
    estimatedRequests: row.estimated_requests,
    unpricedRequests: row.unpriced_requests,
  }));
}

const day = sql`to_char(to_timestamp(at_ms / 1000) at time zone 'UTC', 'YYYY-MM-DD')`;
const columnsBut = sql`team, project, virtual_key, model, provider, deployment, route, outcome,
  end_user, attempts, input_tokens, output_tokens, cost_nano_usd`;
const columns = sql`${columnsBut}, service_tier`;

function usageRows(filter: RecordFilter) {
  const { startMs = 0, endMs = Number.MAX_SAFE_INTEGER } = filter;
  const firstHourMs = Math.ceil(startMs / hourMs) * hourMs;
  const lastHourMs = hourOf(endMs);
  if (firstHourMs >= lastHourMs) return recordRows(filter, startMs, endMs);
  const hours = sql`hour_ms >= ${firstHourMs}::bigint and hour_ms < ${lastHourMs}::bigint`;
  return sql`
    select hour_ms as at_ms, requests, estimated_requests, unpriced_requests, ${columns}
      from telemetry.rollups_by_tier where ${dimensionsFit(filter)} and ${hours}
    union all
    select hour_ms, requests, estimated_requests, unpriced_requests, ${columnsBut}, ''::text
      from telemetry.rollups where ${dimensionsFit(filter)} and ${hours}
    union all ${recordRows(filter, startMs, firstHourMs)}
    union all ${recordRows(filter, lastHourMs, endMs)}`;
}

function recordRows(filter: RecordFilter, startMs: number, endMs: number) {
  return sql`
    select start_ms as at_ms, 1::bigint as requests, estimated::integer::bigint,
      unpriced::integer::bigint, ${columns}
      from telemetry.records where ${dimensionsFit(filter)}
        and start_ms >= ${startMs}::bigint and start_ms < ${endMs}::bigint`;
}

/**
 * Deletes at most `size` records, and rows of each table of rollups, of hours before `beforeMs`.
 * Gives how many records.
 */
export async function dropExpired(
  db: Kysely<TelemetryTables>,
  beforeMs: number,
  size: number,
): Promise<number> {
  const dropped = await sql`delete from telemetry.records where request_id in (
    select request_id from telemetry.records where start_ms < ${beforeMs}::bigint
    order by start_ms limit ${size})`.execute(db);
  for (const table of [sql`telemetry.rollups_by_tier`, sql`telemetry.rollups`]) {
    await sql`delete from ${table} where ctid in (
      select ctid from ${table} where hour_ms < ${beforeMs}::bigint
      limit ${size})`.execute(db);
  }
  return Number(dropped.numAffectedRows ?? 0n);
}
