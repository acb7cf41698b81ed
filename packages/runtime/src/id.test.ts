import { describe, expect, it } from "vitest";
import { newUuidV7 } from "./id.ts";
import { ManualClock } from "./manual-clock.ts";

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("newUuidV7", () => {
  it("has the form of RFC 9562 and carries the wall time", () => {
    const clock = new ManualClock(0x0192_3456_789a);
    const id = newUuidV7(clock);
    expect(id).toMatch(form);
    expect(id.slice(0, 13)).toBe("01923456-789a");
  });

  it("takes the time from who has read the clock already", () => {
    const clock = new ManualClock(0x0192_3456_789a);
    expect(newUuidV7(clock, 0x0192_3456_ffff).slice(0, 18)).toBe("01923456-ffff-7000");
    expect(newUuidV7(clock, 0x0192_3457_0000).slice(0, 18)).toBe("01923457-0000-7000");
    expect(newUuidV7(clock).slice(0, 18)).toBe("01923457-0000-7001");
  });

  it("is random behind the counter in every digit, with the variant of RFC 9562", () => {
    const ids = Array.from({ length: 3_000 }, () => newUuidV7());
    for (const id of ids) expect(id).toMatch(form);
    for (let at = 20; at < 36; at += 1) {
      const seen = new Set(ids.map((id) => id[at]));
      expect(seen.size, `place ${at}`).toBe(at === 23 ? 1 : 16);
    }
    expect(new Set(ids.map((id) => id[19]))).toEqual(new Set(["8", "9", "a", "b"]));
  });

  it("sorts in the order of making, past a full counter and a clock set back", () => {
    const clock = new ManualClock();
    const ids = Array.from({ length: 5_000 }, () => newUuidV7(clock));
    clock.setWall(clock.wallMs() - 60_000);
    ids.push(newUuidV7(clock));
    clock.advance(120_000);
    ids.push(newUuidV7(clock));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("differs between two sequences at the same time", () => {
    const ids = Array.from({ length: 2_000 }, () => newUuidV7(new ManualClock()));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
