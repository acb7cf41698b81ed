import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  addMoney,
  addMoneySaturating,
  formatMoney,
  maximumNanoUsd,
  minimumNanoUsd,
  multiplyMoney,
  parseMoney,
} from "./money.ts";

const invalid = expect.objectContaining({ reason: "FIELD_INVALID" });
const usual = fc.bigInt({ min: 0n, max: 10n ** 16n });
const int64 = fc.bigInt({ min: minimumNanoUsd, max: maximumNanoUsd });

describe("parseMoney and formatMoney", () => {
  it("are exact to the nano-USD", () => {
    expect(parseMoney("12.50")).toBe(12_500_000_000n);
    expect(parseMoney("0.000000001")).toBe(1n);
    expect(parseMoney("0")).toBe(0n);
    expect(parseMoney("9223372036.854775807")).toBe(maximumNanoUsd);
    expect(formatMoney(12_500_000_000n)).toBe("12.5");
    expect(formatMoney(-1n)).toBe("-0.000000001");
    expect(formatMoney(3_000_000_000n)).toBe("3");
    expect(formatMoney(minimumNanoUsd)).toBe("-9223372036.854775808");
    // On both sides of what a number holds.
    expect(formatMoney(9_007_199_254_740_991n)).toBe("9007199.254740991");
    expect(formatMoney(9_007_199_254_740_993n)).toBe("9007199.254740993");
    expect(formatMoney(9_006_999_999_999_999n)).toBe("9006999.999999999");
  });

  it("are inverse, and the text is the shortest", () => {
    fc.assert(
      fc.property(fc.oneof(usual, fc.bigInt({ min: 0n, max: maximumNanoUsd })), (amount) => {
        const text = formatMoney(amount);
        expect(parseMoney(text)).toBe(amount);
        expect(text).not.toMatch(/\.$|\.\d*0$/);
      }),
    );
  });

  it("refuses every other text, naming the field", () => {
    const texts = ["", "-1", "+1", "1e3", ".5", "5.", "01", "1,5", " 1", "1\n", "1_0", "NaN"];
    for (const text of [...texts, "1.0000000001", "9223372036.854775808", "9".repeat(5_000)]) {
      expect(() => parseMoney(text, "limit"), text.slice(0, 30)).toThrow(invalid);
    }
    expect(() => parseMoney("x", "limit")).toThrow(/limit/);
  });
});

describe("checked arithmetic", () => {
  it("is exact within int64 and refuses the rest", () => {
    fc.assert(
      fc.property(int64, int64, fc.bigInt({ min: -9n, max: 9n }), (a, b, factor) => {
        const fits = (value: bigint) => BigInt.asIntN(64, value) === value;
        if (fits(a + b)) expect(addMoney(a, b)).toBe(a + b);
        else expect(() => addMoney(a, b)).toThrow(invalid);
        if (fits(a * factor)) expect(multiplyMoney(a, factor)).toBe(a * factor);
        else expect(() => multiplyMoney(a, factor)).toThrow(invalid);
      }),
    );
  });

  it("saturates without changing the sign", () => {
    expect(addMoneySaturating(maximumNanoUsd, 1n)).toBe(maximumNanoUsd);
    expect(addMoneySaturating(minimumNanoUsd, -1n)).toBe(minimumNanoUsd);
    expect(addMoneySaturating(2n, -5n)).toBe(-3n);
  });
});
