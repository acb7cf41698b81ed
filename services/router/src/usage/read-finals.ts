import { readFile } from "node:fs/promises";
import type { FinalRecord } from "./spool-callback.ts";
import { scanRecords } from "./spool-record.ts";

/** The finals of a segment with a number above `after`, in the order in which they were written. */
export async function readFinals(path: string, after: bigint): Promise<Iterable<FinalRecord>> {
  const bytes = await readFile(path);
  return finalsIn(bytes, after);
}

function* finalsIn(bytes: Buffer, after: bigint): Generator<FinalRecord> {
  for (const { kind, requestId, sequence, payload } of scanRecords(bytes, { end: 0, corrupt: 0 })) {
    if (kind === "final" && sequence > after) yield { requestId, sequence, payload };
  }
}
