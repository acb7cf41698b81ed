import { getTextEncoding } from "@bufbuild/protobuf/wire";

/** Length of a content hash and of every digest in it. Unit: bytes. */
export const contentHashBytes = 32;

/** Hash of a configuration without entries. */
export const emptyContentHash: Uint8Array = new Uint8Array(contentHashBytes);

/** SHA-256; handed in, since this package knows no cryptography. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Digest of one live entry: SHA-256 of name, a zero byte, and the binary `Resource`. */
export function entryDigest(name: string, resourceBytes: Uint8Array, sha256: Sha256): Uint8Array {
  const nameBytes = getTextEncoding().encodeUtf8(name);
  const text = new Uint8Array(nameBytes.length + 1 + resourceBytes.length);
  text.set(nameBytes, 0);
  text.set(resourceBytes, nameBytes.length + 1);
  return sha256(text);
}

/**
 * The hash after a live entry was added. The content hash is the sum of all entry digests modulo
 * 2^256, each read as a big-endian number: it does not depend on the order of changes, and one
 * change costs one digest. It finds torn and lost pushes; it is no defence against an attacker,
 * for whom `ConfigHead.signature` is kept free.
 */
export function addToContentHash(
  hash: Uint8Array,
  name: string,
  resourceBytes: Uint8Array,
  sha256: Sha256,
): Uint8Array {
  return addDigest(hash, entryDigest(name, resourceBytes, sha256));
}

/** The hash after a live entry was removed; give the bytes with which it was added. */
export function removeFromContentHash(
  hash: Uint8Array,
  name: string,
  resourceBytes: Uint8Array,
  sha256: Sha256,
): Uint8Array {
  return subtractDigest(hash, entryDigest(name, resourceBytes, sha256));
}

/** Sum of a hash and a digest modulo 2^256. */
export function addDigest(hash: Uint8Array, digest: Uint8Array): Uint8Array {
  const sum = new Uint8Array(contentHashBytes);
  let carry = 0;
  for (let index = contentHashBytes - 1; index >= 0; index -= 1) {
    const total = (hash[index] ?? 0) + (digest[index] ?? 0) + carry;
    sum[index] = total & 0xff;
    carry = total >> 8;
  }
  return sum;
}

/** Difference of a hash and a digest modulo 2^256. */
export function subtractDigest(hash: Uint8Array, digest: Uint8Array): Uint8Array {
  const difference = new Uint8Array(contentHashBytes);
  let borrow = 0;
  for (let index = contentHashBytes - 1; index >= 0; index -= 1) {
    const total = (hash[index] ?? 0) - (digest[index] ?? 0) - borrow;
    difference[index] = total & 0xff;
    borrow = total < 0 ? 1 : 0;
  }
  return difference;
}

/** Whether two hashes are the same. */
export function equalHashes(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && first.every((byte, index) => byte === second[index]);
}
