import { create, toBinary } from "@bufbuild/protobuf";
import { UsageEventSchema } from "@penstock/api";
import type { FinalRecord } from "./spool-callback.ts";
import type { SpoolSegment } from "./spool-segment.ts";

/**
 * The files of one epoch, oldest first, each with the number before which the finals of earlier ones
 * were confirmed and deleted, as far as they are not still here; 0n: nothing is known to be gone.
 */
export function firstHeldOf(
  segments: readonly SpoolSegment[],
): (readonly [SpoolSegment, bigint])[] {
  let firstHeld = 0n;
  let previousIndex = -1;
  return segments.map((segment) => {
    const { index, firstSequence } = segment;
    // The emergency segment and that of a recovery do not say with which number they begin.
    if (index !== previousIndex + 1 && firstSequence > 0n) firstHeld = firstSequence;
    previousIndex = index;
    return [segment, firstHeld] as const;
  });
}

/**
 * The final with a word to consumers about what they need not wait for: one whose database was
 * restored would otherwise wait for ever for events that it had confirmed.
 */
export function withFirstHeld(final: FinalRecord, firstHeldSequence: bigint): FinalRecord {
  if (firstHeldSequence === 0n) return final;
  // Of a field that comes twice the last one counts.
  const said = toBinary(UsageEventSchema, create(UsageEventSchema, { firstHeldSequence }));
  return { ...final, payload: Buffer.concat([final.payload, said]) };
}
