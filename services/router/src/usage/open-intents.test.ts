import fc from "fast-check";
import { expect, it } from "vitest";
import { OpenIntents } from "./open-intents.ts";
import type { SpoolSegment } from "./spool-segment.ts";

const segmentOf = (index: number): SpoolSegment => ({
  path: `${index}`,
  epoch: 1n,
  index,
  firstSequence: 1n,
  lastSequence: 0n,
  bytes: 0,
  openIntents: 0,
  fd: undefined,
});
const segments = [0, 1, 2].map(segmentOf);

/** Many have the same end, which is all that their keys are made of. */
const id = fc
  .tuple(fc.constantFrom("", "a", "b", "c", "0191"), fc.constantFrom("", "12345678", "87654321"))
  .map((parts) => parts.join("-"));
const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), id, segment: fc.nat(2) }),
  fc.record({ do: fc.constant("take" as const), id }),
);

it("knows what a map by the whole ids would, also of requests with the same key", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const intents = new OpenIntents();
      const known = new Map<string, SpoolSegment>();
      for (const one of steps) {
        expect(intents.has(one.id)).toBe(known.has(one.id));
        if (one.do === "set") {
          const segment = segments[one.segment] ?? segmentOf(9);
          intents.set(one.id, segment);
          known.set(one.id, segment);
          continue;
        }
        expect(intents.take(one.id)).toBe(known.get(one.id));
        known.delete(one.id);
      }
      for (const [requestId, segment] of known) expect(intents.take(requestId)).toBe(segment);
    }),
    { numRuns: 500 },
  );
});
