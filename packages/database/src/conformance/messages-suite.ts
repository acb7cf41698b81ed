import { silentObservability } from "@penstock/observability";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { expect, it, vi } from "vitest";
import { appendOutbox } from "../outbox.ts";
import type { OutboxMessage } from "../outbox.ts";
import { relayOutbox } from "../relay-outbox.ts";
import { noteSequences, pruneSequences } from "../sequence-table.ts";
import { agreeOnSetting } from "../setting-table.ts";
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

/** How far the events of each life of a replica were consumed. */
export function describeSequences({ db, schema }: MessagesSuite): void {
  const dayMs = 86_400_000;
  const note = (nowMs: number, ...numbers: [string, bigint, bigint][]) => {
    const positions = numbers.map(([replica, epoch, sequence]) => ({ replica, epoch, sequence }));
    return inTransaction(db(), (trx) => noteSequences(trx, schema, positions, nowMs));
  };
  const life = (replica: string, epoch: bigint, contiguous: bigint, missing = 0n) => {
    return { replica, epoch, contiguous, missing };
  };

  it("are counted up to the first gap, each life apart, whatever comes twice", async () => {
    expect(await note(0)).toEqual([]);
    const first = await note(0, ["b", 1n, 1n], ["a", 2n, 3n], ["a", 2n, 1n], ["a", 1n, 2n]);
    expect(first).toEqual([life("a", 1n, 0n), life("a", 2n, 1n), life("b", 1n, 1n)]);
    expect(await note(0, ["a", 2n, 2n], ["a", 2n, 1n])).toEqual([life("a", 2n, 3n)]);
  });

  it("are counted once each by transactions that run at the same time", async () => {
    const numbers = Array.from({ length: 8 }, (_, index) => BigInt(index + 1));
    await Promise.all(numbers.map((number) => note(0, ["c", 1n, number], ["b", 1n, number])));
    expect(await note(0, ["c", 1n, 9n])).toEqual([life("c", 1n, 9n)]);
  });

  it("go on where their table lost what its replica has deleted, and tell how much", async () => {
    const noteHeld = (sequence: bigint, firstHeldSequence: bigint) =>
      inTransaction(db(), (trx) => {
        const position = { replica: "d", epoch: 1n, sequence, firstHeldSequence };
        return noteSequences(trx, schema, [position], 0);
      });
    await note(0, ["d", 1n, 1n], ["d", 1n, 2n], ["d", 1n, 7n], ["d", 1n, 10n]);
    // It can't be gone itself.
    expect(await noteHeld(12n, 13n)).toEqual([life("d", 1n, 2n)]);
    expect(await noteHeld(9n, 9n)).toEqual([life("d", 1n, 10n, 5n)]);
    expect(await noteHeld(9n, 9n)).toEqual([life("d", 1n, 10n)]);
    expect(await noteHeld(11n, 5n)).toEqual([life("d", 1n, 12n)]);
  });

  it("are forgotten with a life that is over, not with one that is only silent", async () => {
    await pruneSequences(db(), schema, 31 * dayMs);
    expect(await note(31 * dayMs, ["a", 1n, 3n])).toEqual([life("a", 1n, 0n)]);
    expect(await note(31 * dayMs, ["a", 2n, 4n])).toEqual([life("a", 2n, 4n)]);
    await pruneSequences(db(), schema, 500 * dayMs);
    expect(await note(500 * dayMs, ["a", 2n, 5n])).toEqual([life("a", 2n, 0n)]);
  });

  it("stand beside settings on which replicas agree", async () => {
    const candidates = [1, 2, 3, 4].map((byte) => Uint8Array.of(byte));
    const agreed = await Promise.all(
      candidates.map((candidate) => agreeOnSetting(db(), schema, { name: "key", candidate })),
    );
    expect(new Set(agreed.map((value) => Buffer.from(value).toString("hex"))).size).toBe(1);
  });
}
