import { randomFillSync } from "node:crypto";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";

interface Sequence {
  lastMs: number;
  counter: number;
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

// One system call fills the pool for 512 ids; asking the kernel per id costs more than the rest.
const pool = new Uint8Array(4096);
let poolOffset = pool.length;

// Per clock, so that a manual clock in a test neither follows nor disturbs the system's ids.
const sequences = new WeakMap<Clock, Sequence>();

/**
 * A UUID of version 7 (RFC 9562): milliseconds of the wall clock, then a 12-bit counter, then 62
 * random bits. The ids of one process sort in the order they were made, also when the wall
 * clock is set back.
 */
export function newUuidV7(clock: Clock = systemClock): string {
  if (poolOffset + 8 > pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const sequence = nextInSequence(clock);
  const high = Math.floor(sequence.lastMs / 0x1_0000_0000);
  const low = sequence.lastMs >>> 0;
  const time =
    hex((high >>> 8) & 255) + hex(high & 255) + hex(low >>> 24) + hex((low >>> 16) & 255);
  const timeEnd = hex((low >>> 8) & 255) + hex(low & 255);
  const counter = hex(0x70 | (sequence.counter >>> 8)) + hex(sequence.counter & 255);
  const variant = hex(0x80 | (randomByte() & 0x3f)) + hex(randomByte());
  let node = "";
  for (let index = 0; index < 6; index += 1) node += hex(randomByte());
  return `${time}-${timeEnd}-${counter}-${variant}-${node}`;
}

function nextInSequence(clock: Clock): Sequence {
  const nowMs = Math.floor(clock.wallMs());
  let sequence = sequences.get(clock);
  if (sequence === undefined) {
    sequence = { lastMs: -1, counter: 0 };
    sequences.set(clock, sequence);
  }
  if (nowMs > sequence.lastMs) {
    sequence.lastMs = nowMs;
    sequence.counter = 0;
  } else if (sequence.counter === 0xfff) {
    sequence.lastMs += 1;
    sequence.counter = 0;
  } else {
    sequence.counter += 1;
  }
  return sequence;
}

function randomByte(): number {
  return pool[poolOffset++] ?? 0;
}

function hex(byte: number): string {
  return hexOfByte[byte] ?? "00";
}
