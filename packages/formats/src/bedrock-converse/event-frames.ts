import { localFailure } from "../failure-to-error.ts";
import { crc32 } from "./crc32.ts";

// A frame of `application/vnd.amazon.eventstream`: its length and that of its headers (4 bytes
// each, big-endian), the checksum of these 8 bytes, headers, payload, the checksum of all before.
const preludeBytes = 12;
const trailerBytes = 4;
const smallestFrameBytes = preludeBytes + trailerBytes;

const stringHeader = 7;
/** Bytes of the values of header types 0 to 9; those of 6 and 7 begin with their own length. */
const headerValueBytes: readonly (number | "counted")[] = [
  0,
  0,
  1,
  2,
  4,
  8,
  "counted",
  "counted",
  8,
  16,
];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Headers that are texts. */
type Headers = ReadonlyMap<string, string>;

/** One frame: its headers, and its payload, a view of the bytes it was read from. */
export interface EventFrame {
  readonly headers: Headers;
  readonly payload: Uint8Array;
}

/** Incremental parser of frames, which may be split anywhere. */
export class FrameParser {
  readonly #onFrame: (frame: EventFrame) => void;
  readonly #maxFrameBytes: number;
  #gathered = new Uint8Array(preludeBytes);
  #filled = 0;
  /** 0: the prelude is not complete yet. Unit: bytes. */
  #length = 0;
  /** Headers of the frame before, which are those of the next one as a rule, and what they say. */
  #headerBytes = new Uint8Array();
  #headers: Headers = new Map();

  constructor(onFrame: (frame: EventFrame) => void, maxFrameBytes: number) {
    this.#onFrame = onFrame;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Whether a frame has begun that is not complete. */
  get midFrame(): boolean {
    return this.#filled > 0;
  }

  /**
   * Hands on every frame that is complete with these bytes. Throws UPSTREAM_MALFORMED where a frame
   * breaks its form, its bounds or its checksums; nothing can be read after that.
   */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#filled === 0 && bytes.length - at >= preludeBytes) {
        const length = this.#readPrelude(bytes, at);
        if (bytes.length - at >= length) {
          this.#onFrame(this.#readFrame(bytes, at, at + length));
          at += length;
          continue;
        }
      }
      at += this.#gather(bytes.subarray(at));
    }
  }

  /** Takes what the frame at hand lacks; gives the number of bytes taken. */
  #gather(bytes: Uint8Array): number {
    const wanted = this.#length === 0 ? preludeBytes : this.#length;
    const count = Math.min(wanted - this.#filled, bytes.length);
    this.#gathered.set(bytes.subarray(0, count), this.#filled);
    this.#filled += count;
    if (this.#filled < wanted) return count;
    if (this.#length === 0) {
      this.#length = this.#readPrelude(this.#gathered, 0);
      const frame = new Uint8Array(this.#length);
      frame.set(this.#gathered);
      this.#gathered = frame;
      return count;
    }
    const frame = this.#gathered;
    this.#gathered = new Uint8Array(preludeBytes);
    this.#filled = 0;
    this.#length = 0;
    this.#onFrame(this.#readFrame(frame, 0, frame.length));
    return count;
  }

  /** The length of the frame, which its checksum vouches for before anything is allocated. */
  #readPrelude(bytes: Uint8Array, at: number): number {
    const length = uint32At(bytes, at);
    if (length > this.#maxFrameBytes) throw localFailure("MALFORMED", "a frame is too large");
    if (uint32At(bytes, at + 8) !== crc32(bytes, at, at + 8)) {
      throw localFailure("STREAM_BROKEN", "the checksum of a frame's prelude is wrong");
    }
    const headers = uint32At(bytes, at + 4);
    if (length < smallestFrameBytes || headers > length - smallestFrameBytes) {
      throw localFailure("MALFORMED", "the lengths of a frame contradict each other");
    }
    return length;
  }

  /** The frame that fills the bytes from `at` to `end`; its prelude was read. */
  #readFrame(bytes: Uint8Array, at: number, end: number): EventFrame {
    const payloadEnd = end - trailerBytes;
    if (uint32At(bytes, payloadEnd) !== crc32(bytes, at, payloadEnd)) {
      throw localFailure("STREAM_BROKEN", "the checksum of a frame is wrong");
    }
    const headersStart = at + preludeBytes;
    const payloadStart = headersStart + uint32At(bytes, at + 4);
    if (!standsIn(bytes, headersStart, payloadStart, this.#headerBytes)) {
      const headerBytes = bytes.slice(headersStart, payloadStart);
      this.#headers = readHeaders(headerBytes);
      this.#headerBytes = headerBytes;
    }
    return { headers: this.#headers, payload: bytes.subarray(payloadStart, payloadEnd) };
  }
}

/** Writes a frame. Headers are texts of at most 32,767 bytes with names of at most 255. */
export function writeFrame(
  headers: Readonly<Record<string, string>>,
  payload: Uint8Array,
): Uint8Array {
  const written = Object.entries(headers).flatMap(([name, value]) => {
    const [nameBytes, valueBytes] = [encoder.encode(name), encoder.encode(value)];
    const size = valueBytes.length;
    return [[nameBytes.length, ...nameBytes, stringHeader, size >> 8, size & 0xff, ...valueBytes]];
  });
  const headerBytes = Uint8Array.from(written.flat());
  const frame = new Uint8Array(smallestFrameBytes + headerBytes.length + payload.length);
  const view = viewOf(frame);
  view.setUint32(0, frame.length);
  view.setUint32(4, headerBytes.length);
  view.setUint32(8, crc32(frame.subarray(0, 8)));
  frame.set(headerBytes, preludeBytes);
  frame.set(payload, preludeBytes + headerBytes.length);
  view.setUint32(frame.length - trailerBytes, crc32(frame.subarray(0, -trailerBytes)));
  return frame;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function uint32At(bytes: Uint8Array, at: number): number {
  const [first = 0, second = 0] = [bytes[at], bytes[at + 1]];
  const [third = 0, fourth = 0] = [bytes[at + 2], bytes[at + 3]];
  return ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
}

/** Whether these bytes, no more and no less, stand from `start` to `end`. */
function standsIn(bytes: Uint8Array, start: number, end: number, known: Uint8Array): boolean {
  if (end - start !== known.length) return false;
  for (let at = start; at < end; at += 1) if (bytes[at] !== known[at - start]) return false;
  return true;
}

function readHeaders(bytes: Uint8Array): Headers {
  const headers = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const nameEnd = at + 1 + (bytes[at] as number);
    const type = bytes[nameEnd];
    const size = type === undefined ? undefined : headerValueBytes[type];
    const start = nameEnd + (size === "counted" ? 3 : 1);
    const counted = ((bytes[nameEnd + 1] ?? 0) << 8) | (bytes[nameEnd + 2] ?? 0);
    const end = start + (size === "counted" ? counted : (size ?? 0));
    if (size === undefined || end > bytes.length) {
      throw localFailure("MALFORMED", "a header of a frame can't be read");
    }
    if (type === stringHeader) {
      const name = decoder.decode(bytes.subarray(at + 1, nameEnd));
      headers.set(name, decoder.decode(bytes.subarray(start, end)));
    }
    at = end;
  }
  return headers;
}
