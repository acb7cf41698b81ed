import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { addSequences, countMissing, maximumRanges, noSequences } from "./sequence-set.ts";

describe("a set of sequence numbers", () => {
  it("knows the longest run from 1, whatever the order and repetition", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: -2, max: 40 }))), (batches) => {
        let set = noSequences;
        const seen = new Set<number>();
        for (const batch of batches) {
          set = addSequences(set, batch.map(BigInt));
          for (const number of batch) seen.add(number);
          let run = 0;
          while (seen.has(run + 1)) run += 1;
          expect(set.contiguous).toBe(BigInt(run));
        }
        const beyond = set.beyond.flatMap(([first, last]) =>
          Array.from({ length: Number(last - first) + 1 }, (_, i) => Number(first) + i),
        );
        const expected = [...seen].filter((number) => number > Number(set.contiguous));
        expect(beyond).toEqual(expected.toSorted((a, b) => a - b));
      }),
    );
  });

  it("waits for nothing before the first number that there is, and knows what it missed", () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(numbers, fc.integer({ min: -1, max: 30 }), numbers, (before, first, after) => {
        const firstHeld = BigInt(first);
        const set = addSequences(noSequences, before.map(BigInt));
        const seen = new Set([...before, ...after]);
        const all = addSequences(set, after.map(BigInt));
        const gone = Array.from({ length: 30 }, (_, index) => index + 1).filter(
          (number) => number < first && !seen.has(number),
        );
        expect(countMissing(all, firstHeld)).toBe(BigInt(gone.length));
        const filled = addSequences(all, gone.map(BigInt));
        expect(addSequences(all, [], firstHeld)).toEqual(filled);
        expect(addSequences(set, after.map(BigInt), firstHeld)).toEqual(filled);
        expect(countMissing(filled, firstHeld)).toBe(0n);
      }),
    );
  });

  it("forgets from the far end when it has too many gaps", () => {
    const numbers = Array.from({ length: maximumRanges + 5 }, (_, index) => BigInt(2 * index + 2));
    const set = addSequences(noSequences, numbers);
    expect(set.beyond.length).toBe(maximumRanges);
    expect(addSequences(set, [1n]).contiguous).toBe(2n);
  });
});
