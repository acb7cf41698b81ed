import { sql } from "kysely";
import type { Kysely } from "kysely";

import type { HolderFacts } from "../leases/expire-leases.ts";
import type { QuotaTables } from "./schema.ts";

type Ledger = Kysely<QuotaTables>;

/** A lease whose time has come to be looked at, and what is known of its holder. */
export interface DueLease extends HolderFacts {
  readonly id: string;
  readonly quota: string;
}

/** When leases are due. Times in milliseconds since the Unix epoch. */
export interface DueTimes {
  /** Leases that ended before this are over their grace. */
  readonly graceMs: number;
  /** Money that ended before this is over its quarantine. */
  readonly quarantineMs: number;
  /** Money of living holders that ended before this waits no longer for its events. */
  readonly reportedMs: number;
  /** Rates whose slot began before this do not count any more. */
  readonly releaseMs: number;
}

/*
 * The name under which a holder `<replica>/<worker>` publishes its events: its first worker under
 * the replica's own name, the others under `<replica>_<worker>` (the router's `workerName`). Never
 * more than one name: epochs of different workers may be alike.
 */
const replicaOfHolder = sql`case when l.holder like '%/0' then split_part(l.holder, '/', 1)
  else replace(l.holder, '/', '_') end`;

/** Up to `size` leases that time has something to do with. */
export async function dueLeases(db: Ledger, times: DueTimes, size: number): Promise<DueLease[]> {
  const { rows } = await sql<{ id: string; quota: string; retired: boolean; seen_ms: bigint }>`
    with unfinished as (
      select l.id, l.quota, l.rate, l.state, l.expire_ms, l.period_start_ms,
        coalesce(h.seen_ms, 0)::bigint as seen_ms,
        exists (
          select 1 from quota.retired_epochs r
          where r.holder = l.holder and r.epoch = l.epoch and (r.last_sequence = 0 or exists (
            select 1 from quota.sequences s where s.replica = ${replicaOfHolder}
              and s.epoch = r.epoch and s.contiguous >= r.last_sequence))
        ) as retired
      from quota.leases l left join quota.holders h on h.holder = l.holder
      where l.state <> 'finished'
    )
    select id, quota, retired, seen_ms from unfinished
    where retired
      or (rate and expire_ms <= ${times.graceMs}
        and (state = 'open' or period_start_ms <= ${times.releaseMs}))
      or (not rate and expire_ms <= ${times.quarantineMs}
        and (state = 'open' or seen_ms <= ${times.quarantineMs}
          or expire_ms <= ${times.reportedMs}))
    order by expire_ms limit ${size}`.execute(db);
  return rows.map((row) => ({
    id: row.id,
    quota: row.quota,
    retired: row.retired,
    seenMs: Number(row.seen_ms),
  }));
}

/** How long things are kept, as moments in milliseconds: what is older goes. */
export interface PruneTimes {
  readonly transfersMs: number;
  readonly rateTransfersMs: number;
  readonly leasesMs: number;
  readonly slotsMs: number;
  readonly holdersMs: number;
}

/**
 * Deletes at most `size` rows of each table that nobody needs any more. Gives the largest number
 * that any table lost: when it is `size`, there may be more.
 */
export async function pruneLedger(db: Ledger, times: PruneTimes, size: number): Promise<number> {
  const statements = [...oldEntries(times, size), ...oldHolders(times), idleInstances(times, size)];
  let most = 0;
  for (const statement of statements) {
    const { numAffectedRows = 0n } = await statement.execute(db);
    most = Math.max(most, Number(numAffectedRows));
  }
  return most;
}

function oldEntries(times: PruneTimes, size: number) {
  return [
    sql`delete from quota.transfers where ctid in (
      select ctid from quota.transfers where rate and create_ms < ${times.rateTransfersMs}
      order by create_ms limit ${size})`,
    sql`delete from quota.transfers where ctid in (
      select ctid from quota.transfers where create_ms < ${times.transfersMs}
      order by create_ms limit ${size})`,
    sql`delete from quota.leases where id in (
      select id from quota.leases where state = 'finished' and create_ms < ${times.leasesMs}
      order by create_ms limit ${size})`,
    sql`delete from quota.accounts a where (a.quota, a.period_start_ms) in (
      select quota, period_start_ms from quota.accounts
      where period = 'minute' and period_end_ms < ${times.slotsMs}
        and pending = 0 and leased = 0 limit ${size})`,
    sql`delete from quota.accounts a where (a.quota, a.period_start_ms) in (
      select quota, period_start_ms from quota.accounts
      where period <> 'minute' and period_end_ms < ${times.transfersMs}
        and pending = 0 and leased = 0 limit ${size})`,
    sql`delete from quota.sync_answers where (holder, epoch, sequence) in (
      select a.holder, a.epoch, a.sequence from quota.sync_answers a
      join quota.holders h on h.holder = a.holder
      where h.seen_ms < ${times.slotsMs} limit ${size})`,
  ];
}

function oldHolders({ holdersMs }: PruneTimes) {
  return [
    sql`delete from quota.retired_epochs r where create_ms < ${holdersMs}
      and not exists (select 1 from quota.leases l where l.holder = r.holder
        and l.epoch = r.epoch and l.state <> 'finished')`,
    sql`delete from quota.holders h where seen_ms < ${holdersMs}
      and not exists (select 1 from quota.leases l where l.holder = h.holder)`,
  ];
}

/** Instances come with every end user; idle ones without entries are nothing. */
function idleInstances(times: PruneTimes, size: number) {
  return sql`delete from quota.quotas q where q.quota in (
    select c.quota from quota.quotas c where (c.used_ms < ${times.transfersMs}
        or (c.used_ms < ${times.rateTransfersMs} and c.period = 'minute')) and not exists (
        select 1 from quota.accounts a where a.quota = c.quota)
      and not exists (select 1 from quota.leases l where l.quota = c.quota)
      and not exists (select 1 from quota.transfers t where t.quota = c.quota)
    limit ${size} for update skip locked)`;
}
