import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimateMediaTokens } from "./estimate-media.ts";
import { imageSize } from "./image-size.ts";

/** Heads of images of a size, with nothing behind them, each by its specification. */
const heads: Readonly<Record<string, (width: number, height: number) => number[]>> = {
  png: (width, height) => {
    const head = [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, ...ascii("IHDR")];
    return [...head, 0, 0, ...big(width), 0, 0, ...big(height), 8, 6, 0, 0, 0];
  },
  gif: (width, height) => [...ascii("GIF89a"), ...little(width), ...little(height)],
  jpeg: (width, height) => {
    const comment = [0xff, 0xfe, 0, 16, ...ascii("fourteen bytes")];
    const codes = [0xff, 0xc4, 0, 3, 0];
    const frame = [0xff, 0xc0, 0, 17, 8, ...big(height), ...big(width), 3];
    return [0xff, 0xd8, ...comment, ...codes, ...frame];
  },
  "webp, lossy": (width, height) => {
    return [...webp("VP8 "), 0, 0, 0, 0x9d, 0x01, 0x2a, ...little(width), ...little(height)];
  },
  "webp, lossless": (width, height) => {
    const bits = (width - 1) | ((height - 1) << 14);
    return [...webp("VP8L"), 0x2f, bits & 255, (bits >> 8) & 255, (bits >> 16) & 255, bits >>> 24];
  },
  "webp, extended": (width, height) => {
    const size = [...little(width - 1), 0, ...little(height - 1), 0];
    return [...webp("VP8X"), 0, 0, 0, 0, ...size];
  },
};

function big(count: number): number[] {
  return [count >> 8, count & 255];
}

function little(count: number): number[] {
  return [count & 255, count >> 8];
}

function webp(chunk: string): number[] {
  return [...ascii("RIFF"), 0, 0, 0, 0, ...ascii("WEBP"), ...ascii(chunk), 0, 0, 0, 0];
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

function image(kind: string, width: number, height: number, sizeBytes = 64): Uint8Array {
  const data = new Uint8Array(sizeBytes);
  data.set(heads[kind]?.(width, height) ?? []);
  return data;
}

describe("imageSize", () => {
  it.each(Object.keys(heads))("reads that of %s from its head", (kind) => {
    const sides = fc.integer({ min: 1, max: 16_383 });
    fc.assert(
      fc.property(sides, sides, (width, height) => {
        // Images may be parts of a longer array.
        const whole = new Uint8Array([7, 7, 7, ...image(kind, width, height)]);
        expect(imageSize(whole.subarray(3))).toEqual({ width, height });
      }),
    );
  });

  it("is not known of anything else, whatever it is, and never throws", () => {
    const beginnings = fc.constantFrom(...Object.values(heads).map((head) => head(5, 5)));
    fc.assert(
      fc.property(beginnings, fc.uint8Array({ maxLength: 300 }), fc.nat(), (head, rest, cut) => {
        const size = imageSize(new Uint8Array([...head.slice(0, cut % head.length), ...rest]));
        if (size !== undefined) expect(Math.min(size.width, size.height)).toBeGreaterThan(0);
      }),
    );
    expect(imageSize(new Uint8Array(0))).toBeUndefined();
    expect(imageSize(image("png", 0, 5))).toBeUndefined();
  });

  it("is not searched for behind more segments than any JPEG has", () => {
    const behind = (segments: number): Uint8Array => {
      const empty = Array.from({ length: segments }, () => [0xff, 0xe0, 0, 2]).flat();
      return new Uint8Array([0xff, 0xd8, ...empty, 0xff, 0xc0, 0, 17, 8, 0, 5, 0, 6, 3]);
    };
    expect(imageSize(behind(60))).toEqual({ width: 6, height: 5 });
    expect(imageSize(behind(80))).toBeUndefined();
  });
});

describe("estimateMediaTokens", () => {
  const imageTokens = (data: Uint8Array | undefined): number =>
    estimateMediaTokens({ kind: "image", mediaType: "image/png", data });

  it("takes an image by its pixels, the most that any vendor says, whatever its bytes", () => {
    // Gemini: one tile of two; OpenAI: 85 + 170; Anthropic: 1024 * 1024 / 750.
    expect(imageTokens(image("png", 300, 300))).toBe(1_032);
    expect(imageTokens(image("jpeg", 200, 200))).toBe(258);
    expect(imageTokens(image("png", 1_024, 1_024, 3_000_000))).toBe(1_399);
    expect(imageTokens(image("gif", 960, 540))).toBe(1_548);
    expect(imageTokens(image("webp, lossy", 8_000, 8_000))).toBe(4_784);
  });

  it("takes an image of the largest size where none can be read", () => {
    expect(imageTokens(new Uint8Array(3_000_000))).toBe(4_784);
    expect(imageTokens(undefined)).toBe(4_784);
  });

  const tokensOf = (kind: "audio" | "file", mediaType: string, sizeBytes?: number): number =>
    estimateMediaTokens({
      kind,
      mediaType,
      data: sizeBytes === undefined ? undefined : new Uint8Array(sizeBytes),
    });

  it("takes audio and video by the longest time that so many bytes last", () => {
    expect(tokensOf("audio", "audio/wav", 8_000 * 60)).toBe(32 * 60);
    expect(tokensOf("audio", "audio/mpeg", 1_000 * 60)).toBe(32 * 60);
    expect(tokensOf("file", "video/mp4", 12_500 * 60)).toBe(300 * 60);
    expect(tokensOf("audio", "audio/mpeg")).toBe(32 * 60);
    expect(tokensOf("file", "video/mp4")).toBe(300 * 60);
  });

  it("takes documents by pages, and text as text", () => {
    expect(tokensOf("file", "application/pdf", 20_000)).toBe(20_000);
    expect(tokensOf("file", "application/pdf", 100_000)).toBe(46_000);
    expect(tokensOf("file", "application/pdf", 3_000_000)).toBe(57 * 4_600);
    expect(tokensOf("file", "application/pdf")).toBe(4_600);
    expect(tokensOf("file", "text/csv", 36_000)).toBe(10_000);
    expect(tokensOf("file", "application/ld+json", 36_000)).toBe(10_000);
  });

  it("is a whole number of at least one, but for nothing at all", () => {
    const types = fc.constantFrom("", "image/png", "audio/wav", "video/mp4", "text/plain", "a/b");
    const kinds = fc.constantFrom("image" as const, "audio" as const, "file" as const);
    const sizes = fc.option(fc.integer({ min: 1, max: 40_000_000 }), { nil: undefined });
    fc.assert(
      fc.property(kinds, types, sizes, (kind, mediaType, length) => {
        // Nothing but images is looked into.
        const data = length === undefined ? undefined : ({ length } as Uint8Array);
        if (kind === "image" && data !== undefined) return;
        const tokens = estimateMediaTokens({ kind, mediaType, data });
        expect(Number.isSafeInteger(tokens) && tokens > 0).toBe(true);
      }),
    );
  });
});
