import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";
import { lockKey } from "./lock-key.ts";

/** What is to be published once the transaction commits. */
export interface OutboxMessage {
  /** Idempotency key for the receiver. */
  readonly id: string;
  /** Where it goes: a bucket key or a subject. */
  readonly subject: string;
  /** Null says that the key is to be deleted. */
  readonly payload: Uint8Array | null;
  /** W3C trace context of the change, if it was traced. */
  readonly traceparent?: string;
}

/** A message as the relay reads it; `position` grows in the order of the commits. */
export interface OutboxRow extends OutboxMessage {
  readonly position: bigint;
}

/** For a service's migration: its table `outbox`. */
export async function createOutboxTable<Tables>(db: Kysely<Tables>, schema: string): Promise<void> {
  await sql`create table ${sql.id(schema, "outbox")} (
    position bigint generated always as identity primary key,
    id text not null,
    subject text not null,
    payload bytea,
    traceparent text
  )`.execute(db);
}

/**
 * Appends in the transaction, in the order given. Appending transactions of one schema wait for
 * one another until they end; without that, a later position could become visible before an
 * earlier one, and the relay would publish them in the wrong order.
 */
export async function appendOutbox<Tables>(
  trx: Transaction<Tables>,
  schema: string,
  messages: readonly OutboxMessage[],
): Promise<void> {
  if (messages.length === 0) return;
  await sql`select pg_advisory_xact_lock(${lockKey(`outbox append ${schema}`)})`.execute(trx);
  for (let start = 0; start < messages.length; start += rowsPerInsert) {
    const rows = messages
      .slice(start, start + rowsPerInsert)
      .map(({ id, subject, payload, traceparent }) => {
        const bytes = payload === null ? null : Buffer.from(payload);
        return sql`(${id}, ${subject}, ${bytes}::bytea, ${traceparent ?? null})`;
      });
    await sql`insert into ${sql.id(schema, "outbox")} (id, subject, payload, traceparent)
      values ${sql.join(rows)}`.execute(trx);
  }
}

/** Four parameters per row, 65,535 per statement; far below, so that one statement stays short. */
const rowsPerInsert = 500;

/** The oldest `limit` messages, in order. */
export async function readOutbox<Tables>(
  db: Kysely<Tables>,
  schema: string,
  limit: number,
): Promise<OutboxRow[]> {
  const { rows } = await sql<StoredRow>`
    select position, id, subject, payload, traceparent from ${sql.id(schema, "outbox")}
    order by position limit ${limit}`.execute(db);
  return rows.map(({ traceparent, ...row }) =>
    traceparent === null ? row : { ...row, traceparent },
  );
}

/** Removes published messages. */
export async function deleteOutbox<Tables>(
  db: Kysely<Tables>,
  schema: string,
  rows: readonly OutboxRow[],
): Promise<void> {
  const positions = rows.map((row) => row.position);
  await sql`delete from ${sql.id(schema, "outbox")}
    where position = any(${positions}::bigint[])`.execute(db);
}

/** Removes messages that something newer stands for, by how their ids start. */
export async function discardOutbox<Tables>(
  trx: Transaction<Tables>,
  schema: string,
  idPrefix: string,
): Promise<void> {
  await sql`delete from ${sql.id(schema, "outbox")} where starts_with(id, ${idPrefix})`.execute(
    trx,
  );
}

interface StoredRow {
  position: bigint;
  id: string;
  subject: string;
  payload: Uint8Array | null;
  traceparent: string | null;
}
