/**
 * The checksum of IEEE 802.3 (reflected polynomial 0xEDB88320), which Amazon's frames carry, of the
 * bytes from `start` up to and without `end`.
 */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let sum = 0xffff_ffff;
  for (let at = start; at < end; at += 1) {
    sum = (table[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  }
  return (sum ^ 0xffff_ffff) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});
