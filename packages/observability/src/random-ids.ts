import { randomFillSync } from "node:crypto";

// One call into the random generator per 512 span ids instead of one per id.
const poolBytes = 4_096;
const pool = Buffer.alloc(poolBytes);
let used = poolBytes;

function randomHex(bytes: number): string {
  if (used + bytes > poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

/** A new trace id: 32 hexadecimal digits, never all zero. */
export function newTraceId(): string {
  const id = randomHex(16);
  return id === "0".repeat(32) ? newTraceId() : id;
}

/** A new span id: 16 hexadecimal digits, never all zero. */
export function newSpanId(): string {
  const id = randomHex(8);
  return id === "0".repeat(16) ? newSpanId() : id;
}
