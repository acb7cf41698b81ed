import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { BodyBudget } from "./body-budget.ts";
import { BodyDecoders, codingOf } from "./body-decoders.ts";
import type { BodyCoding } from "./body-decoders.ts";
import { maximumBodyBytes } from "./body-errors.ts";
import { stillHeld } from "./still-held.fixture.ts";

const text = Buffer.from(JSON.stringify({ text: "word ".repeat(40_000), odd: "ä€" }));
const packed: readonly [name: string, BodyCoding, (body: Buffer) => Buffer][] = [
  ["gzip", "gzip", (body) => gzipSync(body)],
  ["deflate", "deflate", (body) => deflateSync(body)],
  ["deflate without zlib's frame", "deflate", (body) => deflateRawSync(body)],
  ["br", "br", (body) => brotliCompressSync(body)],
  ["zstd", "zstd", (body) => zstdCompressSync(body)],
];

const budgetBytes = 40 * 1024 * 1024;

/** Nothing is held any more: all of it can be taken. */
function expectFree(budget: BodyBudget): void {
  expect(budget.take(budgetBytes)).toBe(true);
}

function decode(
  body: Buffer,
  coding: BodyCoding,
  budget = new BodyBudget(budgetBytes),
): Promise<Buffer | GatewayError> {
  return new Promise((resolve) => new BodyDecoders(budget).decode(body, coding, resolve));
}

describe("codingOf", () => {
  it.each([
    ["gzip", "gzip"],
    ["X-GZIP", "gzip"],
    [" br ", "br"],
    ["Identity", "identity"],
    ["", "identity"],
    ["compress", undefined],
    ["gzip, gzip", undefined],
    ["constructor", undefined],
  ])("reads %j as %s", (header, coding) => {
    expect(codingOf(header)).toBe(coding);
  });
});

describe.each(packed)("a body packed as %s", (_name, coding, pack) => {
  it("is unpacked, whatever its size, and holds nothing afterwards", async () => {
    const budget = new BodyBudget(budgetBytes);
    for (const body of [text, Buffer.from("{}"), Buffer.alloc(0)]) {
      expect(await decode(pack(body), coding, budget)).toEqual(body);
    }
    expectFree(budget);
  });

  it("is refused when it is cut off, something else, or followed by anything", async () => {
    const whole = pack(text);
    const wrong = [
      whole.subarray(0, whole.length - 3),
      whole.subarray(0, 5),
      Buffer.alloc(0),
      text,
      Buffer.concat([whole, Buffer.from("{}")]),
    ];
    for (const body of wrong) {
      const budget = new BodyBudget(budgetBytes);
      expect(await decode(body, coding, budget)).toMatchObject({
        reason: "FIELD_INVALID",
        fieldViolations: [{ field: "content-encoding" }],
      });
      expectFree(budget);
    }
  });

  it("may be as large as a plain one, and not a byte larger", async () => {
    const largest = await decode(pack(Buffer.alloc(maximumBodyBytes, "a")), coding);
    expect((largest as Buffer).length).toBe(maximumBodyBytes);
    const larger = pack(Buffer.alloc(maximumBodyBytes + 1, "a"));
    const budget = new BodyBudget(budgetBytes);
    expect(await decode(larger, coding, budget)).toMatchObject({ reason: "REQUEST_TOO_LARGE" });
    expectFree(budget);
  });

  it("is refused when there is no room for what comes out", async () => {
    const budget = new BodyBudget(budgetBytes);
    budget.take(budgetBytes - 150_000);
    expect(await decode(pack(text), coding, budget)).toMatchObject({ reason: "OVERLOADED" });
    budget.give(budgetBytes - 150_000);
    expectFree(budget);
  });
});

describe("BodyDecoders", () => {
  it("takes no more out of a bomb than a body may have", async () => {
    const bomb = gzipSync(Buffer.alloc(4 * maximumBodyBytes));
    let mostBytes = 0;
    let heldBytes = 0;
    const budget = {
      take: (sizeBytes: number) => {
        heldBytes += sizeBytes;
        mostBytes = Math.max(mostBytes, heldBytes);
        return true;
      },
      give: (sizeBytes: number) => void (heldBytes -= sizeBytes),
    } as unknown as BodyBudget;
    expect(await decode(bomb, "gzip", budget)).toMatchObject({ reason: "REQUEST_TOO_LARGE" });
    expect(mostBytes).toBeLessThanOrEqual(maximumBodyBytes + bomb.length);
    expect(heldBytes).toBe(0);
  });

  it("refuses zstd that wants more memory than senders may ask for", async () => {
    const params = { [constants.ZSTD_c_windowLog]: 26 };
    const body = zstdCompressSync(Buffer.alloc(maximumBodyBytes, "abcdefg"), { params });
    expect(await decode(body, "zstd")).toMatchObject({ reason: "FIELD_INVALID" });
  });

  it("serves those who wait, and forgets who has gone, waiting or not", async () => {
    const budget = new BodyBudget(budgetBytes);
    const decoders = new BodyDecoders(budget);
    const body = gzipSync(text);
    const heard: number[] = [];
    const stops = Array.from({ length: 8 }, (_, at) =>
      decoders.decode(body, "gzip", () => void heard.push(at)),
    );
    stops[0]?.();
    stops[5]?.();
    stops[5]?.();
    await expect.poll(() => heard.length).toBe(6);
    expect(new Set(heard)).toEqual(new Set([1, 2, 3, 4, 6, 7]));
    stops[1]?.();
    expectFree(budget);
  });

  it.each(["whole", "cut off", "stopped"])("keeps no bytes of a body: %s", async (how) => {
    const decoders = new BodyDecoders(new BodyBudget(budgetBytes));
    const parts: WeakRef<object>[] = [];
    const { concat } = Buffer;
    Buffer.concat = (pieces, ...others) => {
      parts.push(...pieces.map((piece) => new WeakRef(piece)));
      return concat(pieces, ...others);
    };
    let ended = 0;
    const begin = (): (() => void) => {
      const body = gzipSync(text);
      const sent = how === "cut off" ? body.subarray(0, -1) : body;
      parts.push(new WeakRef(sent));
      return decoders.decode(sent, "gzip", () => void (ended += 1));
    };
    try {
      const stop = begin();
      if (how === "stopped") stop();
      else await expect.poll(() => ended).toBe(1);
      if (how === "whole") expect(parts.length).toBeGreaterThan(2);
      await expect.poll(() => stillHeld(parts)).toBe(0);
      // What stops it is kept for as long as the answer takes.
      stop();
      expect(ended).toBe(how === "stopped" ? 0 : 1);
    } finally {
      Buffer.concat = concat;
    }
  });

  it("refuses at once what there is no room for to wait", () => {
    const budget = new BodyBudget(10);
    const heard: unknown[] = [];
    new BodyDecoders(budget).decode(gzipSync(text), "gzip", (body) => heard.push(body));
    expect(heard).toMatchObject([{ reason: "OVERLOADED" }]);
    expect(budget.take(10)).toBe(true);
  });
});
