import { randomFillSync } from "node:crypto";

// One call into the random generator, and one to write it down, for 512 span ids.
const poolBytes = 4_096;
const pool = Buffer.alloc(poolBytes);
let digits = "";
let used = 0;

const zero = 48;
const noTraceId = "0".repeat(32);
const noSpanId = "0".repeat(16);

function randomHex(length: number): string {
  if (used + length > digits.length) {
    digits = randomFillSync(pool).toString("hex");
    used = 0;
  }
  used += length;
  return digits.slice(used - length, used);
}

// The first digit is looked at alone: comparing a slice as a whole is a call into the engine.

/** A new trace id: 32 hexadecimal digits, never all zero. */
export function newTraceId(): string {
  const id = randomHex(32);
  return id.charCodeAt(0) === zero && id === noTraceId ? newTraceId() : id;
}

/** A new span id: 16 hexadecimal digits, never all zero. */
export function newSpanId(): string {
  const id = randomHex(16);
  return id.charCodeAt(0) === zero && id === noSpanId ? newSpanId() : id;
}
