import { createSequenceTable, createSettingTable } from "@penstock/database";
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { schemaName } from "../schema.ts";

const statements = [
  `create table quota.quotas (
    quota text primary key,
    resource text not null,
    unit text not null,
    period text not null,
    amount bigint,
    used_ms bigint not null
  )`,
  `create index quotas_resource on quota.quotas (resource, quota)`,
  // The last check is the invariant of every grant: nothing is lent beyond the amount, and what
  // was charged beyond it is counted as overshoot.
  `create table quota.accounts (
    quota text not null references quota.quotas (quota),
    period_start_ms bigint not null,
    period_end_ms bigint not null,
    period text not null,
    posted bigint not null,
    pending bigint not null check (pending >= 0),
    leased bigint not null check (leased >= 0),
    overshoot bigint not null check (overshoot >= 0),
    highest_amount bigint,
    primary key (quota, period_start_ms),
    check (highest_amount is null
      or posted::numeric + pending + leased <= highest_amount::numeric + overshoot)
  )`,
  `create index accounts_end on quota.accounts (period_end_ms) where period = 'minute'`,
  `create index accounts_past on quota.accounts (period_end_ms) where period <> 'minute'`,
  `create table quota.leases (
    id text primary key,
    quota text not null references quota.quotas (quota),
    period_start_ms bigint not null,
    valid_from_ms bigint not null,
    valid_to_ms bigint not null,
    rate boolean not null,
    holder text not null,
    epoch bigint not null,
    granted bigint not null check (granted >= 0),
    spent bigint not null check (spent >= 0),
    reserved bigint not null check (reserved >= 0),
    posted bigint not null check (posted >= 0),
    held_leased bigint not null check (held_leased >= 0),
    held_pending bigint not null check (held_pending >= 0),
    state text not null check (state in ('open', 'closed', 'finished')),
    report_sequence bigint not null,
    create_ms bigint not null,
    expire_ms bigint not null,
    check (held_leased + held_pending <= granted),
    check (state <> 'finished' or held_leased + held_pending = 0)
  )`,
  `create index leases_unfinished on quota.leases (quota, holder) where state <> 'finished'`,
  `create index leases_expire on quota.leases (expire_ms) where state <> 'finished'`,
  `create index leases_holder on quota.leases (holder, epoch) where state <> 'finished'`,
  `create index leases_create on quota.leases (create_ms desc, id desc)`,
  `create table quota.transfers (
    id text not null,
    quota text not null references quota.quotas (quota),
    ordinal integer not null,
    state text not null check (state in ('posted', 'voided')),
    amount bigint not null,
    period_start_ms bigint not null,
    create_ms bigint not null,
    lease_id text not null,
    reason text not null,
    rate boolean not null,
    primary key (id, quota, ordinal)
  )`,
  `create index transfers_create on quota.transfers (create_ms desc, id desc)`,
  `create index transfers_rate on quota.transfers (create_ms) where rate`,
  `create index transfers_quota on quota.transfers (quota, create_ms desc)`,
  `create table quota.holders (
    holder text primary key,
    epoch bigint not null,
    seen_ms bigint not null,
    last_sequence bigint not null
  )`,
  `create table quota.sync_answers (
    holder text not null,
    epoch bigint not null,
    sequence bigint not null,
    answer bytea not null,
    primary key (holder, epoch, sequence)
  )`,
  `create table quota.retired_epochs (
    holder text not null,
    epoch bigint not null,
    last_sequence bigint not null,
    create_ms bigint not null,
    primary key (holder, epoch)
  )`,
];

/** The ledger's first tables. */
export const ledgerMigration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
    await createSequenceTable(db, schemaName);
    await createSettingTable(db, schemaName);
  },
};
