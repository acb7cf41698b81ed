import { wallMs } from "@penstock/limits";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { maximumNanoUsdPerMillionTokens } from "./model-prices.ts";
import { checkPriceEntries, compilePriceBook } from "./price-book.ts";
import type { PriceEntry } from "./price-book.ts";

const entry = (model: string, time: number, change: Partial<PriceEntry> = {}): PriceEntry => ({
  model,
  effectiveTimeMs: wallMs(time),
  inputNanoUsdPerMillionTokens: BigInt(time),
  outputNanoUsdPerMillionTokens: 2n,
  ...change,
});

describe("compilePriceBook", () => {
  it("finds the latest entry effective at a time, else the default, else nothing", () => {
    const book = compilePriceBook([entry("a", 200), entry("a", 100), entry("*", 50)]);
    expect(book.at("a", wallMs(250))).toMatchObject({ effectiveTimeMs: 200 });
    expect(book.at("a", wallMs(200))).toMatchObject({ effectiveTimeMs: 200 });
    expect(book.at("a", wallMs(199))).toMatchObject({ effectiveTimeMs: 100 });
    expect(book.at("a", wallMs(99))).toMatchObject({ model: "*" });
    expect(book.at("b", wallMs(99))).toMatchObject({ model: "*" });
    expect(book.at("b", wallMs(49))).toBeUndefined();
    expect(book.at("A", wallMs(250))).toMatchObject({ model: "*" });
    expect(compilePriceBook([]).at("a", wallMs(1))).toBeUndefined();
  });

  it("answers like a search through all entries, in whatever order they came", () => {
    const model = fc.constantFrom("a", "b", "*", "__proto__");
    const entries = fc.uniqueArray(fc.tuple(model, fc.nat({ max: 20 })), {
      selector: ([name, time]) => `${name} ${time}`,
    });
    fc.assert(
      fc.property(entries, model, fc.nat({ max: 25 }), (list, asked, time) => {
        const all = list.map(([name, start]) => entry(name, start));
        const latest = (name: string) =>
          all
            .filter((one) => one.model === name && one.effectiveTimeMs <= time)
            .reduce<PriceEntry | undefined>(
              (best, one) => (best && best.effectiveTimeMs > one.effectiveTimeMs ? best : one),
              undefined,
            );
        expect(compilePriceBook(all).at(asked, wallMs(time))).toBe(latest(asked) ?? latest("*"));
      }),
    );
  });

  it("refuses bad entries, all of them at once and by name", () => {
    const bad = [
      entry("a", 1, { outputNanoUsdPerMillionTokens: -1n }),
      entry("a", 1, { requestNanoUsd: 10n ** 18n }),
    ];
    expect(checkPriceEntries(bad).map((problem) => problem.field)).toEqual([
      "entries[0].output_nano_usd_per_million_tokens",
      "entries[1].request_nano_usd",
      "entries[1].effective_time",
    ]);
    expect(() => compilePriceBook(bad)).toThrow(
      expect.objectContaining({ reason: "FIELD_INVALID", fieldViolations: checkPriceEntries(bad) }),
    );
    const odd = { ...entry("", 1), effectiveTimeMs: wallMs(Number.NaN) };
    expect(checkPriceEntries([odd]).map((problem) => problem.field)).toEqual([
      "entries[0].model",
      "entries[0].effective_time",
    ]);
    const dear = entry("a", 1, {
      cacheReadInputNanoUsdPerMillionTokens: maximumNanoUsdPerMillionTokens + 1n,
    });
    expect(checkPriceEntries([dear])).toHaveLength(1);
  });
});
