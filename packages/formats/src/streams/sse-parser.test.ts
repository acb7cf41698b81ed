import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseParser } from "./sse-parser.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(chunks: Uint8Array[], endIncomplete = false): [string, string][] {
  const events: [string, string][] = [];
  const parser = new SseParser({ event: (name, data) => events.push([name, data]) });
  for (const chunk of chunks) parser.push(chunk);
  parser.end(endIncomplete);
  return events;
}

describe("SseParser", () => {
  it.each<[string, string, [string, string][]]>([
    ["data", "data: a\n\n", [["", "a"]]],
    [
      "CR",
      "data: a\r\rdata: b\r\r",
      [
        ["", "a"],
        ["", "b"],
      ],
    ],
    ["CRLF", "data: a\r\n\r\n", [["", "a"]]],
    [
      "mixed ends",
      "data: a\r\ndata: b\n\rdata: c\r\n\n",
      [
        ["", "a\nb"],
        ["", "c"],
      ],
    ],
    ["a byte order mark", "\uFEFFdata: a\n\n", [["", "a"]]],
    ["a comment", ": hi\n\n:\ndata: a\n: x\ndata: b\n\n", [["", "a\nb"]]],
    [
      "a name",
      "event: ping\ndata: {}\n\ndata: x\n\n",
      [
        ["ping", "{}"],
        ["", "x"],
      ],
    ],
    ["one space only", "data:  a\ndata:b\n\n", [["", " a\nb"]]],
    [
      "a field without colon",
      "data\n\ndata\ndata\n\n",
      [
        ["", ""],
        ["", "\n"],
      ],
    ],
    ["id, retry, unknown", "id: 1\nretry: 5\nfoo: x\ndata: a\n\n", [["", "a"]]],
    ["a name without data", "event: x\n\ndata: a\n\n", [["", "a"]]],
    ["an unfinished event", "data: a\n\ndata: b\n", [["", "a"]]],
    ["NUL", "data: a\u0000b\n\n", [["", "a\u0000b"]]],
  ])("reads %s", (_name, text, events) => {
    expect(parse([encode(text)])).toEqual(events);
  });

  it("gives the same events however the bytes are cut", () => {
    const line = fc.oneof(
      fc
        .string({ unit: "grapheme", maxLength: 8 })
        .map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
      fc.constantFrom("", "event: e", ": comment", "data:é😀", "data"),
    );
    const text = fc
      .array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n")))
      .map((lines) => lines.map(([words, end]) => words + end).join(""));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 7 })), (whole, sizes) => {
        const bytes = encode(whole);
        const chunks: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % Math.max(1, sizes.length)] ?? 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(parse(chunks)).toEqual(parse([bytes]));
      }),
      { numRuns: 500 },
    );
  });

  it("hands over an unfinished event when told to", () => {
    expect(parse([encode("data: [DONE]")], true)).toEqual([["", "[DONE]"]]);
  });

  it("stops at a line, or an event of many lines, that is too long", () => {
    const events: string[] = [];
    const parser = new SseParser({ event: (_name, data) => events.push(data) }, 10);
    expect(parser.push(encode("data: 1234\n\n"))).toBe(true);
    expect(parser.push(encode("data: 12345678"))).toBe(false);
    expect(parser.push(encode("\n\ndata: a\n\n"))).toBe(false);
    expect(events).toEqual(["1234"]);
    const many = new SseParser({ event: () => undefined }, 10);
    expect(many.push(encode("data: 1234\ndata: 1234\ndata: 1234\n"))).toBe(false);
  });
});
