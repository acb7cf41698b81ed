import { GatewayError } from "@penstock/errors";

import { knownEpochs } from "../storage/holder-store.ts";
import type { LedgerTransaction } from "../storage/ledger-database.ts";
import type { Sync } from "./sync.ts";

/** Clocks differ, and starts are counted: no router starts once a second for a day. */
const maximumAheadSeconds = 86_400n;

/**
 * For each sync, in their order, the refusal of an epoch that no start has; undefined: none. An
 * epoch begins at the seconds of the clock and then counts, so one far ahead of the clock would
 * fence all later lives of its holder. Only where that has happened already, by a start under a
 * wrong clock, it is taken: it must not be far ahead of the newest epoch known, which never falls.
 */
export async function farEpochs(
  trx: LedgerTransaction,
  syncs: readonly Sync[],
  nowMs: number,
): Promise<(GatewayError | undefined)[]> {
  const newest = BigInt(Math.floor(nowMs / 1_000)) + maximumAheadSeconds;
  const far = syncs.filter(({ epoch }) => epoch > newest);
  const holders = [...new Set(far.map(({ holder }) => holder))];
  const known = await knownEpochs(trx, holders);
  return syncs.map(({ holder, epoch }) => {
    const follows = epoch <= (known.get(holder) ?? 0n) + maximumAheadSeconds;
    return epoch <= newest || follows ? undefined : refusal();
  });
}

function refusal(): GatewayError {
  const description =
    "must be at most a day ahead, in seconds, of the clock or of the newest epoch of the holder";
  return new GatewayError("FIELD_INVALID", `The request is malformed: epoch ${description}.`, {
    fieldViolations: [{ field: "epoch", description }],
  });
}
