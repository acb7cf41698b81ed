import type { SequenceRow, SettingRow } from "@penstock/database";

/** Schema of the service in the database. */
export const schemaName = "telemetry";

/**
 * Tables of schema `telemetry`. Times are milliseconds since the Unix epoch, money is nano-USD.
 * `records` holds each event whole, with the columns that queries need beside it; `rollups_by_tier` holds
 * the sums of each hour (by the start of requests) and is changed in the same transaction.
 * Sums without a tier are those of former builds: read, and dropped when they are old.
 */
export interface TelemetryTables {
  records: RecordRow;
  rollups_by_tier: RollupRow;
  rollups: Omit<RollupRow, "service_tier">;
  sequences: SequenceRow;
  settings: SettingRow;
}

/** What requests are told apart by in queries; empty where a request has none. */
export interface DimensionColumns {
  team: string;
  project: string;
  virtual_key: string;
  model: string;
  provider: string;
  deployment: string;
  route: string;
  outcome: number;
  end_user: string;
  service_tier: string;
}

/** What is summed. In `records` the sums of one request. */
export interface SumColumns {
  attempts: bigint;
  input_tokens: bigint;
  output_tokens: bigint;
  cost_nano_usd: bigint;
}

/** One request. */
export interface RecordRow extends DimensionColumns, SumColumns {
  request_id: string;
  replica: string;
  epoch: bigint;
  /** Null: the replica had used the number for another request, which must not happen. */
  sequence: bigint | null;
  start_ms: bigint;
  store_ms: bigint;
  estimated: boolean;
  unpriced: boolean;
  rating: number;
  rated_cost_nano_usd: bigint | null;
  event: Buffer;
}

/** The sums of one hour and one combination of dimensions. */
export interface RollupRow extends DimensionColumns, SumColumns {
  hour_ms: bigint;
  requests: bigint;
  estimated_requests: bigint;
  unpriced_requests: bigint;
}
