import { silentObservability } from "@penstock/observability";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { expect, it, vi } from "vitest";
import { claimInbox, pruneInbox } from "../inbox.ts";
import { appendOutbox } from "../outbox.ts";
import type { OutboxMessage } from "../outbox.ts";
import { relayOutbox } from "../relay-outbox.ts";
import { inTransaction } from "../transaction.ts";

/** A migrated schema with both tables. */
export interface MessagesSuite {
  readonly schema: string;
  db(): Kysely<unknown>;
}

const { logger } = silentObservability();

function message(id: string): OutboxMessage {
  return { id, subject: `routes.${id}`, payload: new TextEncoder().encode(id) };
}

/** Order, repetition and content of the outbox. */
export function describeOutbox({ db, schema }: MessagesSuite): void {
  it("publishes what committed, in the order of the commits, at once when told", async () => {
    const published: string[] = [];
    const relay = relayOutbox({
      db: db(),
      schema,
      batchSize: 3,
      pollMs: 60_000,
      logger,
      publish: async (rows) => {
        published.push(...rows.map((row) => row.id));
        return rows.length;
      },
    });
    const append = (ids: string[]) =>
      inTransaction(db(), (trx) => appendOutbox(trx, schema, ids.map(message)));
    await append(["a", "b"]);
    const failed = inTransaction(db(), async (trx) => {
      await appendOutbox(trx, schema, [message("never")]);
      throw new Error("rolled back");
    });
    await expect(failed).rejects.toThrow("rolled back");
    await append(["c", "d", "e"]);
    relay.notify();
    await vi.waitFor(() => expect(published).toEqual(["a", "b", "c", "d", "e"]), 5_000);
    await relay.close();
    expect(await count(db(), schema)).toBe(0n);
  });

  it("brings again what was not taken, without passing it by", async () => {
    const attempts: string[][] = [];
    await inTransaction(db(), (trx) => appendOutbox(trx, schema, ["a", "b", "c"].map(message)));
    const relay = relayOutbox({
      db: db(),
      schema,
      pollMs: 10,
      logger,
      publish: async (rows) => {
        attempts.push(rows.map((row) => row.id));
        if (attempts.length === 1) throw new Error("bus away");
        return attempts.length === 2 ? 1 : rows.length;
      },
    });
    await vi.waitFor(() => expect(attempts).toHaveLength(3), 5_000);
    expect(attempts).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
      ["b", "c"],
    ]);
    await relay.close();
    expect(await count(db(), schema)).toBe(0n);
  });

  it("carries bytes, deletions and trace context", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const payload = Uint8Array.of(0, 255, 39, 92);
    const deletion = { id: "2", subject: "routes.gone", payload: null };
    const rows: OutboxMessage[] = [{ id: "1", subject: "s", payload, traceparent }, deletion];
    await inTransaction(db(), (trx) => appendOutbox(trx, schema, rows));
    const seen: OutboxMessage[] = [];
    const publish = async (batch: readonly OutboxMessage[]): Promise<number> => {
      seen.push(...batch);
      return batch.length;
    };
    const relay = relayOutbox({ db: db(), schema, pollMs: 10, logger, publish });
    await vi.waitFor(() => expect(seen).toHaveLength(2), 5_000);
    expect({ ...seen[0], payload: [...(seen[0]?.payload ?? [])] }).toMatchObject({
      traceparent,
      payload: [0, 255, 39, 92],
    });
    expect(seen[1]).toMatchObject(deletion);
    await relay.close();
  });

  it("lets one of two relays work", async () => {
    let working = 0;
    let most = 0;
    const publish = async (rows: readonly OutboxMessage[]): Promise<number> => {
      working += 1;
      most = Math.max(most, working);
      await new Promise((resolve) => setImmediate(resolve));
      working -= 1;
      return rows.length;
    };
    const options = { db: db(), schema, batchSize: 2, pollMs: 5, logger, publish };
    const relays = [relayOutbox(options), relayOutbox(options)];
    const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
    await inTransaction(db(), (trx) => appendOutbox(trx, schema, ids.map(message)));
    await vi.waitFor(async () => expect(await count(db(), schema)).toBe(0n), 5_000);
    expect(most).toBe(1);
    await Promise.all(relays.map((relay) => relay.close()));
  });
}

async function count(db: Kysely<unknown>, schema: string): Promise<bigint> {
  const { rows } = await sql<{ n: bigint }>`
    select count(*) as n from ${sql.id(schema, "outbox")}`.execute(db);
  return rows[0]?.n ?? -1n;
}

/** What the inbox remembers and forgets. */
export function describeInbox({ db, schema }: MessagesSuite): void {
  it("knows ids it has seen, also within one call, unless rolled back", async () => {
    const claim = (ids: string[]) => inTransaction(db(), (trx) => claimInbox(trx, schema, ids));
    expect(await claim([])).toEqual(new Set());
    expect(await claim(["b", "a", "a"])).toEqual(new Set(["a", "b"]));
    expect(await claim(["b", "c"])).toEqual(new Set(["c"]));
    const failed = inTransaction(db(), async (trx) => {
      expect(await claimInbox(trx, schema, ["d"])).toEqual(new Set(["d"]));
      throw new Error("not stored");
    });
    await expect(failed).rejects.toThrow("not stored");
    expect(await claim(["d"])).toEqual(new Set(["d"]));
  });

  it("claims an id for one of two transactions at a time", async () => {
    const ids = ["x1", "x2", "x3"];
    const claim = (order: string[]) => inTransaction(db(), (trx) => claimInbox(trx, schema, order));
    const claims = await Promise.all([claim(ids), claim(ids.toReversed())]);
    expect(claims.map((claimed) => claimed.size).toSorted((a, b) => a - b)).toEqual([0, 3]);
  });

  it("forgets old ids, a bounded number at a time", async () => {
    await sql`update ${sql.id(schema, "inbox")} set claimed_at = now() - interval '8 days'`.execute(
      db(),
    );
    await inTransaction(db(), (trx) => claimInbox(trx, schema, ["young"]));
    const options = { olderThanMs: 7 * 86_400_000, limit: 3 };
    expect(await pruneInbox(db(), schema, options)).toBe(3);
    while ((await pruneInbox(db(), schema, options)) > 0);
    const { rows } = await sql`select id from ${sql.id(schema, "inbox")}`.execute(db());
    expect(rows).toEqual([{ id: "young" }]);
  });
}
