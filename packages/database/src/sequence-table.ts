import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";
import { addSequences, countMissing, noSequences } from "./sequence-set.ts";
import type { SequenceSet } from "./sequence-set.ts";

/** The number of one event of one life (epoch) of a replica; from 1, without gaps. */
export interface EventPosition {
  readonly replica: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
  /** Its replica has nothing before this number any more; 0n or absent: not said. */
  readonly firstHeldSequence?: bigint;
}

/** How far one life of a replica was consumed: everything from 1 to `contiguous`. */
export interface ConsumedSequence {
  readonly replica: string;
  readonly epoch: bigint;
  readonly contiguous: bigint;
  /**
   * Events within that were not consumed and never will be: they were confirmed once, so their
   * replica has deleted them, and the tables do not have them.
   */
  readonly missing: bigint;
}

/** One life of a replica: 1 to `contiguous`, and the first and last of each range beyond. */
export interface SequenceRow {
  replica: string;
  epoch: bigint;
  contiguous: bigint;
  beyond: bigint[];
  update_ms: bigint;
}

/** For a service's migration: its table `sequences`. */
export async function createSequenceTable<Tables>(
  db: Kysely<Tables>,
  schema: string,
): Promise<void> {
  await sql`create table ${sql.id(schema, "sequences")} (
    replica text not null,
    epoch bigint not null,
    contiguous bigint not null,
    beyond bigint[] not null,
    update_ms bigint not null,
    primary key (replica, epoch)
  )`.execute(db);
}

/**
 * Notes events as consumed, in the transaction that consumes them, and gives how far each of
 * their lives is now. Positions seen before change nothing. Tables that were restored to an earlier
 * state lack what had been confirmed and deleted since: what is gone is counted, not waited for.
 */
export async function noteSequences<Tables>(
  trx: Transaction<Tables>,
  schema: string,
  positions: readonly EventPosition[],
  nowMs: number,
): Promise<ConsumedSequence[]> {
  const lives = livesOf(positions);
  if (lives.length === 0) return [];
  const table = sql.id(schema, "sequences");
  const replicas = lives.map((one) => one.replica);
  const epochs = lives.map((one) => one.epoch);
  const { rows } = await sql<SequenceRow>`
    insert into ${table} as s (replica, epoch, contiguous, beyond, update_ms)
    select u.replica, u.epoch, 0, '{}', ${nowMs}::bigint
    from unnest(${replicas}::text[], ${epochs}::bigint[]) as u (replica, epoch)
    on conflict (replica, epoch) do update set update_ms = excluded.update_ms
    returning *`.execute(trx);
  const sets = new Map(rows.map((row) => [keyOf(row), toSet(row)]));
  const next = lives.map((life) => {
    const set = sets.get(keyOf(life)) ?? noSequences;
    const seen = addSequences(set, life.numbers);
    const missing = countMissing(seen, life.firstHeld);
    return { ...addSequences(seen, [], life.firstHeld), missing };
  });
  await sql`
    update ${table} s set contiguous = u.contiguous, beyond = u.beyond::bigint[]
    from unnest(${replicas}::text[], ${epochs}::bigint[],
      ${next.map((set) => set.contiguous)}::bigint[],
      ${next.map((set) => `{${set.beyond.flat().join(",")}}`)}::text[])
      as u (replica, epoch, contiguous, beyond)
    where s.replica = u.replica and s.epoch = u.epoch`.execute(trx);
  return lives.map(({ replica, epoch }, at) => {
    const { contiguous = 0n, missing = 0n } = next[at] ?? {};
    return { replica, epoch, contiguous, missing };
  });
}

const dayMs = 86_400_000;
/** A life that is over is remembered longer than any stream keeps its events. */
const endedLifeMs = 30 * dayMs;
/** A replica that said nothing for so long was taken away. */
const lostReplicaMs = 400 * dayMs;

/**
 * Forgets lives that are over. The newest life of a replica stays although it is silent: it goes
 * on counting where it was, and a set that began anew could never be without a gap again.
 */
export async function pruneSequences<Tables>(
  db: Kysely<Tables>,
  schema: string,
  nowMs: number,
): Promise<void> {
  const table = sql.id(schema, "sequences");
  await sql`delete from ${table} s where s.update_ms < ${nowMs - lostReplicaMs}::bigint
    or (s.update_ms < ${nowMs - endedLifeMs}::bigint and exists (
      select 1 from ${table} n where n.replica = s.replica and n.epoch > s.epoch))`.execute(db);
}

interface Life {
  readonly replica: string;
  readonly epoch: bigint;
  readonly numbers: readonly bigint[];
  readonly firstHeld: bigint;
}

/** In one order for all transactions: two that note the same lives wait instead of deadlocking. */
function livesOf(positions: readonly EventPosition[]): Life[] {
  const lives = [...Map.groupBy(positions, keyOf).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { replica, epoch } = first;
    const numbers = group.map(({ sequence }) => sequence);
    return [{ replica, epoch, numbers, firstHeld: firstHeldOf(group) }];
  });
  return lives.toSorted((a, b) => {
    if (a.replica !== b.replica) return a.replica < b.replica ? -1 : 1;
    return a.epoch < b.epoch ? -1 : 1;
  });
}

/** No event says that itself is gone: such a number is not believed. */
function firstHeldOf(positions: readonly EventPosition[]): bigint {
  return positions.reduce((highest, { sequence, firstHeldSequence = 0n }) => {
    return firstHeldSequence > highest && firstHeldSequence <= sequence
      ? firstHeldSequence
      : highest;
  }, 0n);
}

function keyOf({ replica, epoch }: { readonly replica: string; readonly epoch: bigint }): string {
  return `${epoch} ${replica}`;
}

function toSet(row: SequenceRow): SequenceSet {
  const beyond: [bigint, bigint][] = [];
  for (let index = 0; index + 1 < row.beyond.length; index += 2) {
    beyond.push([row.beyond[index] ?? 0n, row.beyond[index + 1] ?? 0n]);
  }
  return { contiguous: row.contiguous, beyond };
}
