import type { SequenceRow, SettingRow } from "@penstock/database";

/** Schema of the service in the database. */
export const schemaName = "quota";

/**
 * Tables of schema `quota`. Times are milliseconds since the Unix epoch by the service's clock,
 * amounts are in the unit of their quota.
 *
 * `quotas` has one row per quota instance and is the lock of everything below it: whoever changes
 * accounts or leases of an instance holds its row, and takes several in the order of their keys.
 */
export interface QuotaTables {
  quotas: QuotaRow;
  accounts: AccountRow;
  leases: LeaseRow;
  transfers: TransferRow;
  holders: HolderRow;
  sync_answers: SyncAnswerRow;
  retired_epochs: RetiredEpochRow;
  sequences: SequenceRow;
  settings: SettingRow;
}

/** One quota instance: its canonical key, the resource it is of, and its last known rule. */
export interface QuotaRow {
  quota: string;
  resource: string;
  unit: string;
  period: string;
  /** Null until a snapshot has told it. */
  amount: bigint | null;
  used_ms: bigint;
}

/** What one instance has taken in one period, or in one slot of a sliding minute. */
export interface AccountRow {
  quota: string;
  period_start_ms: bigint;
  period_end_ms: bigint;
  period: string;
  posted: bigint;
  pending: bigint;
  leased: bigint;
  overshoot: bigint;
  /** The highest amount under which something was lent; null: nothing was lent yet. */
  highest_amount: bigint | null;
}

/** One loan. `held_leased` and `held_pending` are its parts of the account's sums. */
export interface LeaseRow {
  id: string;
  quota: string;
  period_start_ms: bigint;
  valid_from_ms: bigint;
  valid_to_ms: bigint;
  rate: boolean;
  holder: string;
  epoch: bigint;
  granted: bigint;
  spent: bigint;
  reserved: bigint;
  posted: bigint;
  held_leased: bigint;
  held_pending: bigint;
  state: string;
  report_sequence: bigint;
  create_ms: bigint;
  expire_ms: bigint;
}

/** One charge or adjustment. `ordinal` tells apart two charges of one request on one quota. */
export interface TransferRow {
  id: string;
  quota: string;
  ordinal: number;
  state: string;
  amount: bigint;
  period_start_ms: bigint;
  create_ms: bigint;
  lease_id: string;
  /** Empty for charges. */
  reason: string;
  rate: boolean;
  /** Who adjusted; empty for charges and for adjustments of before there was this column. */
  actor: string;
}

/** The newest life of a holder. */
export interface HolderRow {
  holder: string;
  epoch: bigint;
  seen_ms: bigint;
  /** Highest sequence of a sync of that life that was answered; 0: none. */
  last_sequence: bigint;
}

/** The answer to one sync, so that a repeated one gets the same. */
export interface SyncAnswerRow {
  holder: string;
  epoch: bigint;
  sequence: bigint;
  answer: Buffer;
}

/** An ended life of a holder and the number of its last event. */
export interface RetiredEpochRow {
  holder: string;
  epoch: bigint;
  last_sequence: bigint;
  create_ms: bigint;
}
