/** Whether a byte is white space between the parts of a JSON text. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

/** The value of a hexadecimal digit; -1 when the byte is none. */
export function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The name of the key whose bytes lie from `start` up to `end`, quotes excluded. */
export function readKey(body: Uint8Array, start: number, end: number, escaped: boolean): string {
  let text = "";
  for (let index = start; index < end; index++) {
    text += String.fromCharCode(body[index] as number);
  }
  if (!escaped) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}
