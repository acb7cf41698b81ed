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
const keyLength = 66;
const idStart = 4;
const idEnd = 16;
const checksumLength = 6;
const base32 = "abcdefghijklmnopqrstuvwxyz234567";
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** What each byte does to the CRC-32 of what stands before it. */
const crcSteps = Int32Array.from({ length: 256 }, (_, byte) => {
  let step = byte;
  for (let bit = 0; bit < 8; bit += 1) step = (step >>> 1) ^ (step & 1 ? 0xedb8_8320 : 0);
  return step;
});

/** Place of each ASCII character among the digits of an alphabet; -1: it is none of them. */
function digitsOf(alphabet: string): Int8Array {
  const digits = new Int8Array(128).fill(-1);
  for (let digit = 0; digit < alphabet.length; digit += 1)
    digits[alphabet.charCodeAt(digit)] = digit;
  return digits;
}

const base32Digits = digitsOf(base32);
const base62Digits = digitsOf(base62);

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

/**
 * Checks form and checksum; undefined for anything that cannot be a Penstock key. Runs for every
 * request, so that one pass does both: an expression and a call of zlib take four times as long.
 */
export function parseKey(text: string): ParsedKey | undefined {
  // Measured first: a hostile header may be megabytes.
  if (text.length !== keyLength) return undefined;
  const kind = kindOf(text);
  if (kind === undefined) return undefined;
  const split = keyLength - checksumLength;
  let crc = -1;
  for (let index = 0; index < split; index += 1) {
    const code = text.charCodeAt(index);
    if (!mayStandAt(index, code)) return undefined;
    crc = (crc >>> 8) ^ (crcSteps[(crc ^ code) & 255] ?? 0);
  }
  if (fromBase62(text, split) !== ~crc >>> 0) return undefined;
  return { kind, id: text.slice(idStart, idEnd) };
}

function kindOf(text: string): KeyKind | undefined {
  if (text.startsWith("psk_")) return "psk";
  if (text.startsWith("pat_")) return "pat";
  return text.startsWith("pst_") ? "pst" : undefined;
}

function mayStandAt(index: number, code: number): boolean {
  if (index < idStart) return true;
  if (index === idEnd) return code === 0x5f;
  const digits = index < idEnd ? base32Digits : base62Digits;
  return (digits[code] ?? -1) >= 0;
}

/**
 * The id in a text that may be a key of the kind; undefined when it is too short, too long or of
 * another kind. Neither alphabet nor checksum is looked at: for those who compare the hash of the
 * whole text in any case, which says as much and more.
 */
export function claimedKeyId(text: string, kind: KeyKind): string | undefined {
  if (text.length !== keyLength || !text.startsWith(kind)) return undefined;
  if (text.charAt(idStart - 1) !== "_" || text.charAt(idEnd) !== "_") return undefined;
  return text.slice(idStart, idEnd);
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

/** NaN where there is another character. */
function fromBase62(text: string, start: number): number {
  let value = 0;
  for (let index = start; index < text.length; index += 1) {
    const digit = base62Digits[text.charCodeAt(index)] ?? -1;
    value = digit < 0 ? Number.NaN : value * 62 + digit;
  }
  return value;
}
