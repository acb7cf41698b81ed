import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentTimes } from "./content-times.ts";

/** Times of which so many of a hundred are slow. */
function filled(slow: number, nowMs = 0): ContentTimes {
  const times = new ContentTimes();
  for (let at = 0; at < 100; at += 1) times.add(at < slow ? 5_000 : 200, nowMs);
  return times;
}

describe("the times of a target's first content", () => {
  it("are known from twenty on", () => {
    const times = new ContentTimes();
    for (let at = 0; at < 19; at += 1) times.add(400, 0);
    expect(times.quantile(0.95, 0)).toBeUndefined();
    times.add(400, 0);
    expect(Math.abs((times.quantile(0.95, 0) ?? 0) - 400)).toBeLessThan(80);
  });

  it("are late where the share of them was earlier", () => {
    expect(filled(4).quantile(0.95, 0)).toBeLessThan(250);
    expect(filled(6).quantile(0.95, 0)).toBeGreaterThan(4_000);
    expect(filled(6).quantile(0.9, 0)).toBeLessThan(250);
  });

  it("are forgotten after ten minutes at the latest, after five at the earliest", () => {
    fc.assert(
      fc.property(fc.nat(900_000), fc.nat(900_000), (at, laterMs) => {
        const known = filled(0, at).quantile(0.95, at + laterMs) !== undefined;
        if (laterMs <= 300_000) expect(known).toBe(true);
        if (laterMs >= 600_000) expect(known).toBe(false);
      }),
    );
  });
});
