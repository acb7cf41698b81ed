import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";

import type { ReadUsage } from "../consumers/usage-facts.ts";
import type { VerifiedRating } from "../rating/verify-rating.ts";
import type { RecordRow, TelemetryTables } from "./schema.ts";

/** An event as it is stored. */
export interface RatedUsage extends ReadUsage {
  readonly rating: VerifiedRating;
}

/** A stored event. Times in milliseconds since the Unix epoch. */
export interface StoredUsage {
  readonly requestId: string;
  readonly startMs: number;
  readonly storeMs: number;
  readonly payload: Uint8Array;
  /** A value of `RatingState`. */
  readonly rating: number;
  readonly ratedCostNanoUsd: bigint | undefined;
}

/** What inserting a batch did. */
export interface InsertedUsage {
  /** Ids that were not stored before. */
  readonly inserted: ReadonlySet<string>;
  /** Ids whose number another request of the replica has; stored without it. */
  readonly renumbered: readonly string[];
}

/** Stores events that are not stored yet, in one statement. */
export async function insertRecords(
  trx: Transaction<TelemetryTables>,
  batch: readonly RatedUsage[],
  nowMs: number,
): Promise<InsertedUsage> {
  // One order for all transactions: two that store the same ids wait instead of deadlocking.
  const sorted = batch.toSorted((a, b) => (a.facts.requestId < b.facts.requestId ? -1 : 1));
  const inserted = await insert(trx, sorted, nowMs, true);
  const missing = sorted.filter(({ facts }) => !inserted.has(facts.requestId));
  if (missing.length === 0) return { inserted, renumbered: [] };
  const { rows } = await sql<{ request_id: string }>`
    select request_id from telemetry.records
    where request_id = any(${missing.map(({ facts }) => facts.requestId)}::text[])`.execute(trx);
  const stored = new Set(rows.map((row) => row.request_id));
  const clashing = missing.filter(({ facts }) => !stored.has(facts.requestId));
  const renumbered = [...(await insert(trx, clashing, nowMs, false))];
  return { inserted: new Set([...inserted, ...renumbered]), renumbered };
}

const insertedColumns = sql`request_id, replica, epoch, sequence, start_ms, team, project, virtual_key,
  model, provider, deployment, route, outcome, end_user, service_tier, attempts, input_tokens,
  output_tokens, cost_nano_usd, estimated, unpriced, rating, rated_cost_nano_usd`;

/** The events go as one value, of which each row takes its part: in an array they would be text. */
async function insert(
  trx: Transaction<TelemetryTables>,
  batch: readonly RatedUsage[],
  nowMs: number,
  withSequence: boolean,
): Promise<Set<string>> {
  if (batch.length === 0) return new Set();
  const facts = batch.map((one) => one.facts);
  const events = joinPayloads(batch);
  const { rows } = await sql<{ request_id: string }>`
    insert into telemetry.records (${insertedColumns}, event, store_ms)
    select ${insertedColumns}, substring(${events.bytes}::bytea from event_start for event_size),
      ${nowMs}::bigint
    from unnest(
      ${facts.map((one) => one.requestId)}::text[],
      ${facts.map((one) => one.replica)}::text[],
      ${facts.map((one) => one.epoch)}::bigint[],
      ${facts.map((one) => (withSequence ? one.sequence : null))}::bigint[],
      ${facts.map((one) => one.startMs)}::bigint[],
      ${facts.map((one) => one.team)}::text[],
      ${facts.map((one) => one.project)}::text[],
      ${facts.map((one) => one.virtualKey)}::text[],
      ${facts.map((one) => one.model)}::text[],
      ${facts.map((one) => one.provider)}::text[],
      ${facts.map((one) => one.deployment)}::text[],
      ${facts.map((one) => one.route)}::text[],
      ${facts.map((one) => one.outcome)}::integer[],
      ${facts.map((one) => one.endUser)}::text[],
      ${facts.map((one) => one.serviceTier)}::text[],
      ${facts.map((one) => one.attempts)}::bigint[],
      ${facts.map((one) => one.inputTokens)}::bigint[],
      ${facts.map((one) => one.outputTokens)}::bigint[],
      ${facts.map((one) => one.costNanoUsd)}::bigint[],
      ${facts.map((one) => one.estimated)}::boolean[],
      ${facts.map((one) => one.unpriced)}::boolean[],
      ${batch.map((one) => one.rating.state)}::integer[],
      ${batch.map((one) => one.rating.costNanoUsd ?? null)}::bigint[],
      ${events.starts}::integer[], ${events.sizes}::integer[])
      as u (${insertedColumns}, event_start, event_size)
    on conflict do nothing returning request_id`.execute(trx);
  return new Set(rows.map((row) => row.request_id));
}

/** Where each event begins, as SQL counts: from 1. */
function joinPayloads(batch: readonly RatedUsage[]) {
  const sizes = batch.map(({ payload }) => payload.length);
  let next = 1;
  const starts = sizes.map((size) => {
    next += size;
    return next - size;
  });
  return { bytes: Buffer.concat(batch.map(({ payload }) => payload)), starts, sizes };
}

type StoredRow = Pick<
  RecordRow,
  "request_id" | "start_ms" | "store_ms" | "event" | "rating" | "rated_cost_nano_usd"
>;

/** The record of a request; undefined: not stored. */
export async function findRecord(
  db: Kysely<TelemetryTables>,
  requestId: string,
): Promise<StoredUsage | undefined> {
  const { rows } = await sql<StoredRow>`
    select request_id, start_ms, store_ms, event, rating, rated_cost_nano_usd
    from telemetry.records where request_id = ${requestId}`.execute(db);
  return rows[0] === undefined ? undefined : toStored(rows[0]);
}

/** Which requests count; empty texts and undefined times mean all. `endMs` is not included. */
export interface RecordFilter {
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  readonly team: string;
  readonly project: string;
  readonly virtualKey: string;
  readonly model: string;
  readonly provider: string;
}

/** Where a page begins: after this record. */
export interface RecordCursor {
  readonly startMs: number;
  readonly requestId: string;
}

/** A page of records, newest first. */
export async function listRecords(
  db: Kysely<TelemetryTables>,
  filter: RecordFilter,
  page: { readonly after: RecordCursor | undefined; readonly size: number },
): Promise<StoredUsage[]> {
  const { after, size } = page;
  const from =
    after === undefined
      ? sql`true`
      : sql`(start_ms, request_id) < (${after.startMs}::bigint, ${after.requestId})`;
  const { rows } = await sql<StoredRow>`
    select request_id, start_ms, store_ms, event, rating, rated_cost_nano_usd
    from telemetry.records
    where ${dimensionsFit(filter)} and ${from}
      and start_ms >= ${filter.startMs ?? 0}::bigint
      and (${filter.endMs ?? null}::bigint is null or start_ms < ${filter.endMs ?? null}::bigint)
    order by start_ms desc, request_id desc limit ${size}`.execute(db);
  return rows.map(toStored);
}

/** The condition that the dimensions of a row fit the filter. */
export function dimensionsFit(filter: RecordFilter) {
  const conditions = [
    ["team", filter.team],
    ["project", filter.project],
    ["virtual_key", filter.virtualKey],
    ["model", filter.model],
    ["provider", filter.provider],
  ] as const;
  const set = conditions
    .filter(([, value]) => value !== "")
    .map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return set.length === 0 ? sql`true` : sql.join(set, sql` and `);
}

function toStored(row: StoredRow): StoredUsage {
  return {
    requestId: row.request_id,
    startMs: Number(row.start_ms),
    storeMs: Number(row.store_ms),
    payload: row.event,
    rating: row.rating,
    ratedCostNanoUsd: row.rated_cost_nano_usd ?? undefined,
  };
}
