import { describe, expect, it } from "vitest";
import { batchOverheadBytes, eventsIn, joinEvents } from "./event-batch.ts";

/** An event of this size, as protobuf writes one: its first field is the id of its request. */
const event = (length: number, filler = 120): Uint8Array => {
  const bytes = new Uint8Array(length).fill(filler);
  bytes[0] = 0x0a;
  return bytes;
};

describe("several events in one message", () => {
  it("are given again, whatever their lengths", () => {
    const lengths = [1, 127, 128, 600, 16_383, 16_384, 300_000];
    const events = lengths.map((length, index) => event(length, index));
    const joined = joinEvents(events);
    expect(eventsIn(joined).map((one) => Uint8Array.from(one))).toEqual(events);
    const bytes = lengths.reduce((sum, one) => sum + one + batchOverheadBytes, 0);
    expect(joined.length).toBeLessThanOrEqual(bytes);
  });

  it("are views: nothing is copied", () => {
    const joined = joinEvents([event(3), event(4)]);
    expect(eventsIn(joined).every((one) => one.buffer === joined.buffer)).toBe(true);
  });

  it("may be without content, which nobody can read, and hold up no other", () => {
    const joined = joinEvents([event(3), new Uint8Array(0), event(4)]);
    expect(eventsIn(joined).map((one) => one.length)).toEqual([3, 0, 4]);
  });
});

describe("a message with one event", () => {
  it("is the event", () => {
    const one = event(50);
    expect(joinEvents([one])).toBe(one);
    expect(eventsIn(one)).toEqual([one]);
    expect(eventsIn(new Uint8Array(0))).toHaveLength(1);
  });

  it("is also what is no whole batch, for its reader to refuse", () => {
    const joined = joinEvents([event(200), event(300)]);
    for (const end of [1, 2, 3, 4, 100, 205, 206, 210, joined.length - 1]) {
      const part = joined.subarray(0, end);
      const whole = end === 204;
      expect(eventsIn(part)[0] === part, `${end} bytes`).toBe(!whole);
    }
    const tail = Buffer.concat([joined, Buffer.from([0x0a])]);
    expect(eventsIn(tail)).toEqual([tail]);
    const endless = Uint8Array.of(0xc2, 0x3e, 255, 255, 255, 255, 255, 1, 1);
    expect(eventsIn(endless)).toEqual([endless]);
  });
});
