import { describe, expect, it } from "vitest";
import { bringBase64 } from "./bring-base64.ts";

/** The language's own, which the compiler does not know of yet. */
const builtIn = Uint8Array as unknown as { fromBase64(text: string): Uint8Array };

class Bytes {
  static fromBase64: ((text: string) => Uint8Array) | undefined;
  declare toBase64?: () => string;
}

describe("what older versions of Node lack", () => {
  it("does what the language's own methods do", () => {
    bringBase64(Bytes);
    for (const text of ["", "AA==", "AAE=", "AAEC", "/+8=", "/+8"]) {
      expect(Bytes.fromBase64?.(text)).toEqual(builtIn.fromBase64(text));
    }
    for (const text of ["A", "A-_=", "AA=", "====", "AAEC="]) {
      expect(() => builtIn.fromBase64(text)).toThrow(SyntaxError);
      expect(() => Bytes.fromBase64?.(text)).toThrow(SyntaxError);
    }
    const bytes = new Uint8Array([9, 0, 255, 17]).subarray(1);
    expect(Bytes.prototype.toBase64?.call(bytes)).toBe("AP8R");
  });

  it("leaves methods that are there", () => {
    const before = builtIn.fromBase64;
    bringBase64();
    expect(builtIn.fromBase64).toBe(before);
  });
});
