import { configKey } from "@penstock/bus";
import { appendOutbox, inTransaction } from "@penstock/database";
import { forgetOldRequests } from "../storage/handled-request-store.ts";
import { lockHead } from "../storage/installation-store.ts";
import type { PolicyDatabase } from "../storage/open-storage.ts";
import { schemaName } from "../storage/schema.ts";
import { takeOldTombstones } from "../storage/tombstone-store.ts";

/** Followers that missed a deletion for longer than this fetch the snapshot anyway. */
export const tombstoneLifeMs = 60 * 60_000;

/**
 * Forgets what is no longer needed: answers of repeated requests after a day, and the keys of
 * deleted resources after an hour. The lock of the head keeps a resource from being created anew
 * between the two halves, which would delete its fresh entry. Gives the number of keys.
 */
export async function sweep(db: PolicyDatabase, nowMs: number): Promise<number> {
  return await inTransaction(db, async (trx) => {
    await lockHead(trx);
    await forgetOldRequests(trx, nowMs);
    const names = await takeOldTombstones(trx, nowMs - tombstoneLifeMs);
    const messages = names.map((name) => {
      return { id: `sweep.${nowMs}.${name}`, subject: configKey(name), payload: null };
    });
    await appendOutbox(trx, schemaName, messages);
    return names.length;
  });
}
