import { sql } from "kysely";
import type { Transaction } from "kysely";

import type { HolderRow, QuotaTables } from "./schema.ts";

type Ledger = Transaction<QuotaTables>;

/** What identifies a sync. */
export interface SyncIdentity {
  readonly holder: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
}

/** What is known of a sync before it runs. */
export interface SyncFacts {
  /** The newest epoch of its holder, that of the sync included. */
  readonly newestEpoch: bigint;
  /** The answer that it got before; undefined: it is new. */
  readonly answer: Uint8Array | undefined;
  /** The highest sequence of its epoch that was answered; 0: none. */
  readonly lastSequence: bigint;
}

/** How many answers of one life of a holder are kept. */
export const keptAnswers = 64n;

/** The newest epoch of each of these holders that is known. */
export async function knownEpochs(
  trx: Ledger,
  holders: readonly string[],
): Promise<Map<string, bigint>> {
  if (holders.length === 0) return new Map();
  const { rows } = await sql<Pick<HolderRow, "holder" | "epoch">>`
    select holder, epoch from quota.holders where holder = any(${holders}::text[])`.execute(trx);
  return new Map(rows.map(({ holder, epoch }) => [holder, epoch]));
}

/**
 * Notes that the holders live, with the highest epoch of each, locks them until the transaction
 * ends, and says what is known of each sync, in their order.
 */
export async function meetHolders(
  trx: Ledger,
  syncs: readonly SyncIdentity[],
  nowMs: number,
): Promise<SyncFacts[]> {
  const { rows } = await sql<HolderRow>`
    insert into quota.holders as h (holder, epoch, seen_ms, last_sequence)
    select holder, max(epoch), ${nowMs}::bigint, 0 from unnest(
      ${syncs.map((sync) => sync.holder)}::text[], ${syncs.map((sync) => sync.epoch)}::bigint[])
      as u (holder, epoch)
    group by holder order by holder
    on conflict (holder) do update set
      last_sequence = case when excluded.epoch > h.epoch then 0 else h.last_sequence end,
      epoch = greatest(h.epoch, excluded.epoch), seen_ms = greatest(h.seen_ms, excluded.seen_ms)
    returning *`.execute(trx);
  const holders = new Map(rows.map((row) => [row.holder, row]));
  const facts = syncs.map((sync): SyncFacts => {
    const holder = holders.get(sync.holder);
    const isNewest = holder?.epoch === sync.epoch;
    return {
      newestEpoch: holder?.epoch ?? sync.epoch,
      answer: undefined,
      lastSequence: isNewest ? holder.last_sequence : 0n,
    };
  });
  // Nearly every sync has a number above all before it, and then there is nothing to look up.
  const doubtful = [...syncs.keys()].filter((place) => !isNew(syncs[place], facts[place]));
  const answers = await findAnswers(
    trx,
    doubtful.flatMap((place) => syncs[place] ?? []),
  );
  for (const [at, place] of doubtful.entries()) {
    const [fact, answer] = [facts[place], answers[at]];
    if (fact !== undefined && answer !== undefined) facts[place] = { ...fact, ...answer };
  }
  return facts;
}

function isNew(sync: SyncIdentity | undefined, facts: SyncFacts | undefined): boolean {
  if (sync === undefined || facts === undefined) return false;
  return sync.epoch === facts.newestEpoch && sync.sequence > facts.lastSequence;
}

type FoundAnswer = Pick<SyncFacts, "answer" | "lastSequence">;

async function findAnswers(trx: Ledger, syncs: readonly SyncIdentity[]): Promise<FoundAnswer[]> {
  if (syncs.length === 0) return [];
  const { rows } = await sql<{ answer: Buffer | null; last: bigint }>`
    select a.answer, coalesce((
      select max(b.sequence) from quota.sync_answers b
      where b.holder = u.holder and b.epoch = u.epoch), 0)::bigint as last
    from unnest(
      ${syncs.map((sync) => sync.holder)}::text[], ${syncs.map((sync) => sync.epoch)}::bigint[],
      ${syncs.map((sync) => sync.sequence)}::bigint[]) with ordinality
      as u (holder, epoch, sequence, place)
    left join quota.sync_answers a
      on a.holder = u.holder and a.epoch = u.epoch and a.sequence = u.sequence
    order by u.place`.execute(trx);
  return rows.map((row) => ({ answer: row.answer ?? undefined, lastSequence: row.last }));
}

/** Keeps the answers of syncs and forgets those too old to be asked for again. */
export async function keepAnswers(
  trx: Ledger,
  answers: readonly (SyncIdentity & { readonly answer: Uint8Array })[],
): Promise<void> {
  if (answers.length === 0) return;
  const holders = answers.map((one) => one.holder);
  const epochs = answers.map((one) => one.epoch);
  const sequences = answers.map((one) => one.sequence);
  await sql`
    with forgotten as (
      delete from quota.sync_answers a using unnest(
        ${holders}::text[], ${epochs}::bigint[], ${sequences}::bigint[])
        as u (holder, epoch, sequence)
      where a.holder = u.holder
        and (a.epoch < u.epoch or (a.epoch = u.epoch and a.sequence <= u.sequence - ${keptAnswers}))
    ), newest as (
      update quota.holders h set last_sequence = u.last from (
        select holder, epoch, max(sequence) as last from unnest(
          ${holders}::text[], ${epochs}::bigint[], ${sequences}::bigint[])
          as v (holder, epoch, sequence) group by holder, epoch) as u
      where h.holder = u.holder and h.epoch = u.epoch and h.last_sequence < u.last
    )
    insert into quota.sync_answers (holder, epoch, sequence, answer)
    select * from unnest(${holders}::text[], ${epochs}::bigint[], ${sequences}::bigint[],
      ${answers.map((one) => Buffer.from(one.answer))}::bytea[])
    on conflict do nothing`.execute(trx);
}

/** Notes ended lives of holders. Only lives before the newest can have ended. */
export async function retireEpochs(
  trx: Ledger,
  ended: readonly { holder: string; epoch: bigint; lastSequence: bigint }[],
  nowMs: number,
): Promise<void> {
  if (ended.length === 0) return;
  await sql`
    insert into quota.retired_epochs as r (holder, epoch, last_sequence, create_ms)
    select u.holder, u.epoch, max(u.last), ${nowMs}::bigint from unnest(
      ${ended.map((one) => one.holder)}::text[], ${ended.map((one) => one.epoch)}::bigint[],
      ${ended.map((one) => one.lastSequence)}::bigint[]) as u (holder, epoch, last)
    join quota.holders h on h.holder = u.holder and u.epoch < h.epoch
    group by u.holder, u.epoch order by u.holder, u.epoch
    on conflict (holder, epoch) do update set
      last_sequence = greatest(r.last_sequence, excluded.last_sequence)`.execute(trx);
}
