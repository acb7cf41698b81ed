import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { UsageEventSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { firstHeldOf, withFirstHeld } from "./first-held.ts";
import { emergencyIndex, parseSegmentName, segmentName } from "./spool-segment.ts";

function segments(...positions: [index: number, firstSequence: bigint][]) {
  return positions.map(([index, firstSequence]) => {
    const segment = parseSegmentName("f", segmentName(1n, index, firstSequence));
    if (segment === undefined) throw new TypeError("no segment");
    return segment;
  });
}

const heldOf = (...positions: [number, bigint][]) =>
  firstHeldOf(segments(...positions)).map(([, firstHeld]) => firstHeld);

describe("the first number that a spool still has", () => {
  it("is not said as long as nothing was deleted", () => {
    expect(heldOf([0, 1n], [1, 9n], [2, 20n])).toEqual([0n, 0n, 0n]);
  });

  it("is that of the first file, and that of each file after a hole", () => {
    expect(heldOf([3, 30n], [4, 40n])).toEqual([30n, 30n]);
    expect(heldOf([0, 1n], [5, 50n], [6, 60n])).toEqual([0n, 50n, 50n]);
  });

  it("is not asked of files that do not know it", () => {
    expect(heldOf([3, 30n], [4, 0n], [emergencyIndex, 0n])).toEqual([30n, 30n, 30n]);
    expect(heldOf([emergencyIndex, 0n])).toEqual([0n]);
  });

  it("is added to an event, in place of what it said before", () => {
    const event = create(UsageEventSchema, { requestId: "a", sequence: 40n });
    const final = { requestId: "a", sequence: 40n, payload: toBinary(UsageEventSchema, event) };
    const told = withFirstHeld(withFirstHeld(final, 7n), 30n);
    expect(fromBinary(UsageEventSchema, told.payload)).toEqual({
      ...event,
      firstHeldSequence: 30n,
    });
    expect(withFirstHeld(final, 0n)).toBe(final);
  });
});
