import { sql } from "kysely";
import type { Transaction } from "kysely";

import { addSequences } from "../consumers/sequence-set.ts";
import type { SequenceSet } from "../consumers/sequence-set.ts";
import type { TelemetryTables, SequenceRow } from "./schema.ts";

/** Numbers of events of one life of a replica. */
export interface SeenSequences {
  readonly replica: string;
  readonly epoch: bigint;
  readonly numbers: readonly bigint[];
}

/** How far one life of a replica is stored: everything from 1 to `contiguous`. */
export interface StoredSequence {
  readonly replica: string;
  readonly epoch: bigint;
  readonly contiguous: bigint;
}

/** Notes events as stored, in the transaction that stores them. */
export async function noteSequences(
  trx: Transaction<TelemetryTables>,
  seen: readonly SeenSequences[],
  nowMs: number,
): Promise<StoredSequence[]> {
  if (seen.length === 0) return [];
  const sorted = seen.toSorted((a, b) =>
    a.replica === b.replica ? Number(a.epoch - b.epoch) : a.replica < b.replica ? -1 : 1,
  );
  const { rows } = await sql<SequenceRow>`
    insert into telemetry.sequences as s (replica, epoch, contiguous, beyond, update_ms)
    select u.replica, u.epoch, 0, '{}', ${nowMs}::bigint from unnest(
      ${sorted.map((one) => one.replica)}::text[], ${sorted.map((one) => one.epoch)}::bigint[])
      as u (replica, epoch)
    on conflict (replica, epoch) do update set update_ms = excluded.update_ms
    returning *`.execute(trx);
  const sets = new Map(rows.map((row) => [`${row.epoch} ${row.replica}`, toSet(row)]));
  const next = sorted.map(({ replica, epoch, numbers }) => {
    const set = sets.get(`${epoch} ${replica}`) ?? { contiguous: 0n, beyond: [] };
    return { replica, epoch, set: addSequences(set, numbers) };
  });
  await sql`
    update telemetry.sequences s set contiguous = u.contiguous, beyond = u.beyond::bigint[]
    from unnest(
      ${next.map((one) => one.replica)}::text[], ${next.map((one) => one.epoch)}::bigint[],
      ${next.map((one) => one.set.contiguous)}::bigint[],
      ${next.map((one) => `{${one.set.beyond.flat().join(",")}}`)}::text[])
      as u (replica, epoch, contiguous, beyond)
    where s.replica = u.replica and s.epoch = u.epoch`.execute(trx);
  return next.map(({ replica, epoch, set }) => ({ replica, epoch, contiguous: set.contiguous }));
}

function toSet(row: SequenceRow): SequenceSet {
  const beyond: [bigint, bigint][] = [];
  for (let index = 0; index + 1 < row.beyond.length; index += 2) {
    beyond.push([row.beyond[index] ?? 0n, row.beyond[index + 1] ?? 0n]);
  }
  return { contiguous: row.contiguous, beyond };
}
