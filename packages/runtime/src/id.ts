import { randomFillSync } from "node:crypto";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";

interface Sequence {
  lastMs: number;
  counter: number;
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

// The random ends of so many ids are made at once: one call into the random generator, one to make
// the text, of which an id takes its slice.
const endsInPool = 512;
const randomBytesOfEnd = 8;
/** `-vrrr-rrrrrrrrrrrr`: v is the variant, r is random. */
const endLength = 18;
const randomPool = new Uint8Array(endsInPool * randomBytesOfEnd);
const textPool = Buffer.alloc(endsInPool * endLength, "-");
let ends = "";
let endOffset = 0;

// Per clock, so that a manual clock in a test neither follows nor disturbs the system's ids.
const sequences = new WeakMap<Clock, Sequence>();
const systemSequence: Sequence = { lastMs: -1, counter: 0 };

/** The upper 32 of 48 bits of the time, which change once in 65 seconds, and their text. */
let upperTime = -1;
let upperText = "";

/**
 * A UUID of version 7 (RFC 9562): milliseconds of the wall clock, then a 12-bit counter, then 62
 * random bits. The ids of one process sort in the order they were made, also when the wall
 * clock is set back. Who has just read the clock passes what it said.
 */
export function newUuidV7(clock: Clock = systemClock, wallMs: number = clock.wallMs()): string {
  const sequence = clock === systemClock ? systemSequence : sequenceOf(clock);
  advance(sequence, Math.floor(wallMs));
  const { lastMs, counter } = sequence;
  const upper = Math.floor(lastMs / 0x1_0000);
  if (upper !== upperTime) {
    upperTime = upper;
    upperText = `${upper.toString(16).padStart(8, "0")}-`;
  }
  if (endOffset === ends.length) refillEnds();
  const end = ends.slice(endOffset, endOffset + endLength);
  endOffset += endLength;
  const lower = `${hex((lastMs >>> 8) & 255) + hex(lastMs & 255)}-`;
  const middle = lower + hex(0x70 | (counter >>> 8)) + hex(counter & 255);
  return upperText + middle + end;
}

function sequenceOf(clock: Clock): Sequence {
  let sequence = sequences.get(clock);
  if (sequence === undefined) {
    sequence = { lastMs: -1, counter: 0 };
    sequences.set(clock, sequence);
  }
  return sequence;
}

function advance(sequence: Sequence, nowMs: number): void {
  if (nowMs > sequence.lastMs) {
    sequence.lastMs = nowMs;
    sequence.counter = 0;
  } else if (sequence.counter === 0xfff) {
    sequence.lastMs += 1;
    sequence.counter = 0;
  } else {
    sequence.counter += 1;
  }
}

function refillEnds(): void {
  randomFillSync(randomPool);
  for (let index = 0; index < endsInPool; index += 1) {
    const from = index * randomBytesOfEnd;
    const to = index * endLength;
    writeHex(0x80 | ((randomPool[from] ?? 0) & 0x3f), to + 1);
    writeHex(randomPool[from + 1] ?? 0, to + 3);
    for (let byte = 2; byte < randomBytesOfEnd; byte += 1) {
      writeHex(randomPool[from + byte] ?? 0, to + 2 + byte * 2);
    }
  }
  ends = textPool.toString("latin1");
  endOffset = 0;
}

function writeHex(byte: number, offset: number): void {
  const digits = hex(byte);
  textPool[offset] = digits.charCodeAt(0);
  textPool[offset + 1] = digits.charCodeAt(1);
}

function hex(byte: number): string {
  return hexOfByte[byte] ?? "00";
}
