import { describe, expect, it } from "vitest";
import { RateLimits } from "./rate-limits.ts";

describe("RateLimits", () => {
  it("admits what fits into a minute and says how long the rest waits", () => {
    const limits = new RateLimits();
    const bounds = { requestsPerMinute: 2, tokensPerMinute: 10 };
    expect(limits.take("m", bounds, 4, 1_000)).toEqual({
      admitted: true,
      waitMs: undefined,
      limits: [
        { unit: "requests", limit: 2, remaining: 1, resetTimeMs: 61_000 },
        { unit: "tokens", limit: 10, remaining: 6, resetTimeMs: 61_000 },
      ],
    });
    expect(limits.take("m", bounds, 7, 2_000)).toMatchObject({ admitted: false, waitMs: 59_000 });
    expect(limits.take("m", bounds, 6, 2_000).admitted).toBe(true);
    expect(limits.take("m", bounds, 0, 3_000)).toMatchObject({ admitted: false, waitMs: 58_000 });
    expect(limits.take("other", bounds, 6, 3_000).admitted).toBe(true);
    expect(limits.take("m", bounds, 6, 61_000).admitted).toBe(true);
  });

  it("tells nothing where there is no limit", () => {
    const unlimited = { admitted: true, limits: [], waitMs: undefined };
    expect(new RateLimits().take("m", {}, 1e9, 0)).toEqual(unlimited);
  });
});
