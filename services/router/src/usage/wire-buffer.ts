const initialBytes = 16_384;
const longestVarint = 10;
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const bytesPerUnit = 3;
/**
 * Above it the native writer is faster than a loop: ids are cut out of longer texts, or joined, and
 * a loop has to find the place of each of their characters.
 */
const loopedUnits = 15;
const twoTo32 = 4_294_967_296;
/** From here on the upper half says that the number is 2^53 or more, or negative. */
const unsafeUpperHalf = 2_097_152;

/** Bits of an int64 as two halves: to read them so takes no call into the engine's bigints. */
const wide = new BigInt64Array(1);
const halves = new Uint32Array(wide.buffer);
wide[0] = 1n;
/** Which of them is the lower one on this machine. */
const lower = halves[0] === 1 ? 0 : 1;

/** A growing buffer for the protobuf wire format, used again and again. */
export class WireBuffer {
  #bytes = Buffer.allocUnsafe(initialBytes);
  /** That of `#bytes`, without asking it. */
  #capacity = initialBytes;
  #at = 0;

  clear(): void {
    this.#at = 0;
  }

  /** What was written since `clear`, in memory of its own. */
  copy(): Uint8Array {
    const copy = Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(copy, 0, 0, this.#at);
    return copy;
  }

  /** What was written since `clear`, one character a byte (Latin-1): cheap to keep for long. */
  text(): string {
    return this.#bytes.toString("latin1", 0, this.#at);
  }

  /** What `text` gave. */
  latin1(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
  }

  /** How much was written since `clear`. Unit: bytes. */
  get length(): number {
    return this.#at;
  }

  /** Takes back what was written since `length` was `mark`, in memory of its own. */
  takeSince(mark: number): Uint8Array {
    const taken = new Uint8Array(this.#bytes.subarray(mark, this.#at));
    this.#at = mark;
    return taken;
  }

  /** What was encoded before. */
  bytes(encoded: Uint8Array): void {
    this.#reserve(encoded.length);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  /** A varint of a whole number from 0 to 2^53. */
  number(value: number): void {
    this.#reserve(longestVarint);
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    while (rest >= twoTo32) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  /** A varint of an int32: negative ones have ten bytes, as int64 has. */
  signed(value: number): void {
    if (value >= 0) this.number(value);
    else this.bigint(BigInt(value));
  }

  /** A varint of an int64. */
  bigint(value: bigint): void {
    wide[0] = value;
    const upperHalf = halves[1 - lower] ?? 0;
    if (upperHalf < unsafeUpperHalf) {
      this.number(upperHalf * twoTo32 + (halves[lower] ?? 0));
      return;
    }
    this.#reserve(longestVarint);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.#bytes[this.#at++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  /** Length and UTF-8 of a text. */
  string(text: string): void {
    const { length } = text;
    this.#reserve(length * bytesPerUnit + longestVarint);
    if (length <= loopedUnits && this.#ascii(text)) return;
    const start = this.begin();
    this.#at += this.#bytes.write(text, this.#at, "utf8");
    this.end(start);
  }

  /** Leaves room for a length; what is written until `end` is what has it. */
  begin(): number {
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  /** Writes the length of everything since `begin`, which it moves when one byte is not enough. */
  end(start: number): void {
    const length = this.#at - start;
    if (length < 128) {
      this.#bytes[start - 1] = length;
      return;
    }
    const lengthBytes = length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
    const shift = lengthBytes - 1;
    this.#reserve(shift + longestVarint);
    this.#bytes.copyWithin(start + shift, start, this.#at);
    this.#at = start - 1;
    this.number(length);
    // Four bytes reach 256 MiB; the spool refuses records of far less.
    this.#at = start + shift + length;
  }

  /** Writes a short text if it is ASCII; else nothing. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const { length } = text;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 127) return false;
      bytes[start + index] = code;
    }
    bytes[start - 1] = length;
    this.#at = start + length;
    return true;
  }

  #reserve(more: number): void {
    if (this.#at + more > this.#capacity) this.#grow(more);
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#capacity * 2, this.#at + more));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    this.#capacity = larger.length;
  }
}
