import { EventStreamCodec } from "@smithy/eventstream-codec";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32 } from "./crc32.ts";
import { FrameParser, writeFrame, type EventFrame } from "./event-frames.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
// Amazon's own implementation, against which ours is held.
const oracle = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : decode(bytes)),
  encode,
);

interface Parsed {
  frames: { headers: Record<string, string>; payload: string }[];
  problem: string;
  midFrame: boolean;
}

function parse(pieces: readonly Uint8Array[], maxFrameBytes = 4_096): Parsed {
  const frames: Parsed["frames"] = [];
  const take = ({ headers, payload }: EventFrame): void => {
    frames.push({ headers: Object.fromEntries(headers), payload: decode(payload) });
  };
  const parser = new FrameParser(take, maxFrameBytes);
  let problem = "";
  try {
    for (const piece of pieces) parser.push(piece);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    problem = error.metadata["failure_class"] ?? "";
  }
  return { frames, problem, midFrame: parser.midFrame };
}

/** Cuts bytes into pieces of these sizes, in turn. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const name = fc
  .string({ minLength: 1, maxLength: 30, unit: "grapheme-ascii" })
  // Amazon's own takes this one for the prototype of its object.
  .filter((one) => one !== "__proto__");
const message = fc.record({
  headers: fc.dictionary(name, fc.string({ maxLength: 300 }), {
    maxKeys: 6,
    noNullPrototype: true,
  }),
  payload: fc.string({ maxLength: 400 }),
});

describe("frames of an event stream", () => {
  it("have the checksum that everybody computes", () => {
    expect(crc32(encode("123456789"))).toBe(0xcbf4_3926);
    expect(crc32(new Uint8Array())).toBe(0);
  });

  it("are written as Amazon reads them", () => {
    fc.assert(
      fc.property(message, ({ headers, payload }) => {
        const read = oracle.decode(writeFrame(headers, encode(payload)));
        const texts = Object.entries(read.headers).map(([key, { value }]) => [key, value]);
        expect(Object.fromEntries(texts)).toEqual(headers);
        expect(decode(read.body)).toBe(payload);
      }),
    );
  });

  it("are read as Amazon writes them, however they are cut", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), sizes, (messages, wanted) => {
        const frames = messages.map(({ headers, payload }) =>
          oracle.encode({
            headers: Object.fromEntries(
              Object.entries(headers).map(([key, value]) => [key, { type: "string", value }]),
            ),
            body: encode(payload),
          }),
        );
        const bytes = new Uint8Array(frames.flatMap((frame) => [...frame]));
        const expected = { frames: messages, problem: "", midFrame: false };
        expect(parse(cut(bytes, wanted))).toEqual(expected);
      }),
    );
  });

  it("pass over headers that are no texts", () => {
    const frame = oracle.encode({
      headers: {
        a: { type: "boolean", value: true },
        b: { type: "byte", value: 1 },
        c: { type: "short", value: 1 },
        d: { type: "integer", value: 1 },
        e: { type: "binary", value: encode("x") },
        f: { type: "timestamp", value: new Date(5) },
        g: { type: "uuid", value: "01234567-89ab-cdef-0123-456789abcdef" },
        h: { type: "string", value: "kept" },
      },
      body: encode("{}"),
    });
    expect(parse([frame]).frames).toEqual([{ headers: { h: "kept" }, payload: "{}" }]);
  });

  it("are refused when any byte of them is another one", () => {
    const frame = writeFrame({ ":event-type": "x" }, encode("payload"));
    for (let at = 0; at < frame.length; at++) {
      const broken = Uint8Array.from(frame);
      broken[at] = (broken[at] as number) ^ 0x01;
      const { frames, problem } = parse([broken]);
      expect(frames).toEqual([]);
      // The first two bytes of its length make it too large.
      expect(problem).toBe(at < 2 ? "MALFORMED" : "STREAM_BROKEN");
    }
  });

  it("are bounded, and their lengths fit each other", () => {
    const prelude = (total: number, headers: number): Uint8Array => {
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, total);
      view.setUint32(4, headers);
      view.setUint32(8, crc32(bytes.subarray(0, 8)));
      return bytes;
    };
    for (const [total, headers] of [
      [0xffff_ffff, 0],
      [4_097, 0],
      [15, 0],
      [0, 0],
      [16, 1],
      [100, 0xffff_fff0],
    ] as const) {
      expect(parse([prelude(total, headers)]).problem).toBe("MALFORMED");
    }
    expect(parse([writeFrame({}, new Uint8Array(5_000))]).problem).toBe("MALFORMED");
  });

  it("tell when one has begun", () => {
    const frame = writeFrame({}, encode("x"));
    for (let length = 1; length < frame.length; length++) {
      const expected = { frames: [], problem: "", midFrame: true };
      expect(parse([frame.subarray(0, length)])).toEqual(expected);
    }
  });

  it("never make the parser throw anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        parse([bytes]);
        // The same bytes as headers of a sound frame.
        const frame = Uint8Array.from(writeFrame({}, new Uint8Array(bytes.length)));
        const view = new DataView(frame.buffer);
        view.setUint32(4, bytes.length);
        view.setUint32(8, crc32(frame.subarray(0, 8)));
        frame.set(bytes, 12);
        view.setUint32(frame.length - 4, crc32(frame.subarray(0, -4)));
        const { problem } = parse([frame]);
        expect(["", "MALFORMED"]).toContain(problem);
      }),
    );
  });
});
