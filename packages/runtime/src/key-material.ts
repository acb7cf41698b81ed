import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";

/** `psk`: virtual key of a caller; `pat`: token of an administrator; `pst`: token of a service. */
export type KeyKind = "psk" | "pat" | "pst";

/** A key just made. `text` is shown once; `id` and `sha256` are what is stored. */
export interface GeneratedKey {
  readonly id: string;
  readonly text: string;
  readonly sha256: Uint8Array;
}

/** What a well-formed key says about itself; nothing here proves that it was ever issued. */
export interface ParsedKey {
  readonly kind: KeyKind;
  readonly id: string;
}

// <kind>_<id: 12 base32>_<secret: 43 base62><checksum: 6 base62>. 43 base62 digits hold 256 bits,
// six hold 32. The checksum covers all text before it, so a typo is refused without a lookup.
const keyForm = /^(psk|pat|pst)_([a-z2-7]{12})_[0-9A-Za-z]{49}$/;
const checksumLength = 6;
const base32 = "abcdefghijklmnopqrstuvwxyz234567";
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** CRC-32 (IEEE 802.3), as zlib and PNG use it; 0 to 2^32 − 1. */
export function crc32(data: string | Uint8Array): number {
  return zlibCrc32(data);
}

/** Makes a key with 256 random bits. */
export function generateKey(kind: KeyKind): GeneratedKey {
  const id = Array.from(randomBytes(12), (byte) => base32[byte & 31]).join("");
  const secret = toBase62(BigInt(`0x${randomBytes(32).toString("hex")}`), 43);
  const body = `${kind}_${id}_${secret}`;
  const text = body + toBase62(BigInt(crc32(body)), checksumLength);
  return { id, text, sha256: hashKey(text) };
}

/** Checks form and checksum; undefined for anything that cannot be a Penstock key. */
export function parseKey(text: string): ParsedKey | undefined {
  // Measured first: the longest legal key is 66 characters, a hostile header may be megabytes.
  if (text.length !== 66) return undefined;
  const form = keyForm.exec(text);
  if (form === null) return undefined;
  const split = text.length - checksumLength;
  if (fromBase62(text, split) !== crc32(text.slice(0, split))) return undefined;
  return { kind: form[1] as KeyKind, id: form[2] ?? "" };
}

/**
 * SHA-256 of the whole key text. No salt and no slow hash: the key is 256 random bits, which
 * cannot be guessed, and a slow hash would let anybody burn the router's processor.
 */
export function hashKey(text: string): Uint8Array {
  return hash("sha256", text, "buffer");
}

/**
 * Whether `hashKey(text)` is `sha256`, in a time that does not depend on where they differ. For the
 * request path: the memory of a hash that nobody keeps costs more than the hash.
 */
export function keyMatches(text: string, sha256: Uint8Array): boolean {
  const digest = hash("sha256", text, "latin1");
  let difference = digest.length ^ sha256.length;
  for (let index = 0; index < digest.length; index += 1) {
    difference |= digest.charCodeAt(index) ^ (sha256[index] ?? 0);
  }
  return difference === 0;
}

/** Compares two hashes in a time that does not depend on where they differ. */
export function keysEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function toBase62(value: bigint, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest /= 62n) {
    text = `${base62[Number(rest % 62n)]}${text}`;
  }
  return text;
}

function fromBase62(text: string, start: number): number {
  let value = 0;
  for (let index = start; index < text.length; index += 1) {
    value = value * 62 + base62.indexOf(text.charAt(index));
  }
  return value;
}
