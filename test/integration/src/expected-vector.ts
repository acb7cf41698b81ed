import { createHash } from "node:crypto";

/** The vector that a simulated model makes of a text, computed once more by its description. */
export function expectedVector(model: string, text: string, length = 64): number[] {
  const bytes: number[] = [];
  for (let block = 0; bytes.length < length; block += 1) {
    bytes.push(...createHash("sha256").update(`${model}\n${text}\n${block}`).digest());
  }
  const raw = bytes.slice(0, length).map((byte) => byte - 127.5);
  const norm = Math.hypot(...raw);
  return raw.map((value) => Math.fround(value / norm));
}
