import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AffinityBook } from "./affinity.ts";
import { expectedCost } from "./expected-cost.ts";
import type { CompiledDeployment } from "@penstock/snapshot";

const served = (name: string, untilMs: number) => ({
  deployment: `deployments/${name}`,
  provider: "providers/p",
  cachedTokens: 900,
  untilMs,
});

describe("AffinityBook", () => {
  it("forgets when the cache is gone", () => {
    const book = new AffinityBook();
    book.note("k", served("a", 100));
    expect(book.find("k", 99)?.deployment).toBe("deployments/a");
    expect(book.find("k", 100)).toBeUndefined();
    expect(book.size).toBe(0);
  });

  it("is bounded, and forgets what was asked for longest ago", () => {
    const book = new AffinityBook(2);
    book.note("a", served("a", 9));
    book.note("b", served("b", 9));
    book.find("a", 0);
    book.note("c", served("c", 9));
    expect([book.find("a", 0), book.find("b", 0), book.find("c", 0)].map(Boolean)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("never holds more than it may, nor anything that ended", () => {
    const step = fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.nat(20), fc.boolean());
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const book = new AffinityBook(3);
        let now = 0;
        for (const [key, time, notes] of steps) {
          now += 1;
          if (notes) book.note(key, served(key, now + time));
          else expect(book.find(key, now)?.untilMs ?? Infinity).toBeGreaterThan(now);
          expect(book.size).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});

describe("expectedCost", () => {
  const priced = (name: string, input: bigint): CompiledDeployment =>
    ({
      name: `deployments/${name}`,
      pricesAt: () => ({
        inputNanoUsdPerMillionTokens: input,
        outputNanoUsdPerMillionTokens: 0n,
        cacheReadInputNanoUsdPerMillionTokens: input / 10n,
        cacheWriteInputNanoUsdPerMillionTokens: (input * 5n) / 4n,
      }),
    }) as unknown as CompiledDeployment;
  const estimate = { inputTokens: 1_000, outputTokens: 10, mostOutputTokens: 10 };
  const use = { estimate, request: undefined, wallMs: 0 };

  it("counts the lost cache before it calls another target cheaper", () => {
    const warm = priced("warm", 3_000_000n);
    const cheap = priced("cheap", 2_000_000n);
    expect(expectedCost(use, warm, undefined)).toBe(3_000n);
    expect(expectedCost(use, cheap, undefined)).toBe(2_000n);
    // 900 of 1,000 tokens are read for a tenth there, and would be written for 5/4 here.
    expect(expectedCost(use, warm, served("warm", 1))).toBe(570n);
    expect(expectedCost(use, cheap, served("warm", 1))).toBe(2_450n);
  });
});
