import { hash } from "node:crypto";

/** The 64-bit key PostgreSQL knows an advisory lock by, made of its name. */
export function lockKey(name: string): bigint {
  const digest = hash("sha256", `penstock ${name}`, "buffer");
  return digest.readBigInt64BE(0);
}
