import { VectorEncoding, type Embedding } from "@penstock/api";

const bytesPerNumber = 4;

/** The numbers of a vector, however it is written. */
export function vectorValues(embedding: Embedding): readonly number[] {
  const { data, values } = embedding;
  if (data.length === 0) return values;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const numbers: number[] = [];
  for (let at = 0; at + bytesPerNumber <= data.length; at += bytesPerNumber) {
    numbers.push(view.getFloat32(at, true));
  }
  return numbers;
}

/** The bytes of a vector, four for each number, the lowest byte first. */
export function vectorBytes(embedding: Embedding): Uint8Array {
  const { data, values } = embedding;
  if (data.length > 0) return data;
  const bytes = new Uint8Array(values.length * bytesPerNumber);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => view.setFloat32(at * bytesPerNumber, value, true));
  return bytes;
}

/** How many numbers the vector has. */
export function vectorLength({ data, values }: Embedding): number {
  return data.length > 0 ? data.length / bytesPerNumber : values.length;
}

/** The vector as the caller wants its numbers written. */
export function encodeVector(embedding: Embedding, encoding: VectorEncoding): Embedding {
  const asBytes = encoding === VectorEncoding.BYTES;
  if (asBytes === embedding.data.length > 0) return embedding;
  return asBytes
    ? { ...embedding, data: vectorBytes(embedding), values: [] }
    : { ...embedding, data: new Uint8Array(), values: [...vectorValues(embedding)] };
}

/** Whether bytes are whole numbers of four, at least one, all finite. */
export function areVectorBytes(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length % bytesPerNumber !== 0) return false;
  // Infinity and NaN have all bits of the exponent set.
  for (let at = 0; at < bytes.length; at += bytesPerNumber) {
    const high = bytes[at + 3] ?? 0;
    const low = bytes[at + 2] ?? 0;
    if ((high & 0x7f) === 0x7f && (low & 0x80) !== 0) return false;
  }
  return true;
}
