import { crc32 } from "node:zlib";

/*
 * A record: length of the body, CRC-32 of the body (both 32 bits), body.
 * The body: kind (1 byte), length of the request id (1 byte), request id, sequence (8 bytes, only
 * of finals), payload. Numbers are big-endian.
 */

/** What a record says: a request begins, has come so far, is over. */
export type RecordKind = "intent" | "progress" | "final";

const kinds: readonly RecordKind[] = ["intent", "progress", "final"];
const prefixBytes = 8;
const leastBodyBytes = 2;
/** No record is longer: an event with five attempts has a few KiB. */
const mostBodyBytes = 4 * 1024 * 1024;

/** A record as it is read. */
export interface SpoolRecord {
  readonly kind: RecordKind;
  readonly requestId: string;
  /** 0n for all but finals. */
  readonly sequence: bigint;
  readonly payload: Uint8Array;
}

/** Records of one turn of the event loop, encoded one behind the other. */
export class RecordBatch {
  #buffer = Buffer.allocUnsafe(65_536);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(record: SpoolRecord): void {
    const { requestId, payload } = record;
    const withSequence = record.kind === "final";
    const bodyBytes = 2 + requestId.length + (withSequence ? 8 : 0) + payload.length;
    this.#reserve(prefixBytes + bodyBytes);
    const buffer = this.#buffer;
    const bodyStart = this.#length + prefixBytes;
    let at = bodyStart;
    buffer[at] = kinds.indexOf(record.kind) + 1;
    buffer[at + 1] = requestId.length;
    at += 2;
    at += buffer.write(requestId, at, "latin1");
    if (withSequence) at = buffer.writeBigUInt64BE(record.sequence, at);
    buffer.set(payload, at);
    buffer.writeUInt32BE(bodyBytes, this.#length);
    const crc = crc32(buffer.subarray(bodyStart, bodyStart + bodyBytes));
    buffer.writeUInt32BE(crc, this.#length + 4);
    this.#length = bodyStart + bodyBytes;
  }

  /** The bytes, valid until the next `add`; the batch is empty afterwards. */
  take(): Buffer {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** What reading a file has found besides its records. */
export interface ScanResult {
  /** Where the last good record ends; what follows is a torn tail. */
  end: number;
  /** Damaged places that good records follow. */
  corrupt: number;
}

/** Whether a good record begins at `at`; gives where it ends, or -1. */
function endOfRecord(bytes: Buffer, at: number): number {
  if (at + prefixBytes + leastBodyBytes > bytes.length) return -1;
  const bodyBytes = bytes.readUInt32BE(at);
  if (bodyBytes < leastBodyBytes || bodyBytes > mostBodyBytes) return -1;
  const start = at + prefixBytes;
  const end = start + bodyBytes;
  const kind = bytes[start] ?? 0;
  if (end > bytes.length || kind < 1 || kind > kinds.length) return -1;
  const idEnd = start + 2 + (bytes[start + 1] ?? 0) + (kind === 3 ? 8 : 0);
  if (idEnd > end) return -1;
  return crc32(bytes.subarray(start, end)) === bytes.readUInt32BE(at + 4) ? end : -1;
}

function recordAt(bytes: Buffer, at: number, end: number): SpoolRecord {
  const start = at + prefixBytes;
  const kind = kinds[(bytes[start] ?? 1) - 1] ?? "intent";
  const idEnd = start + 2 + (bytes[start + 1] ?? 0);
  const requestId = bytes.toString("latin1", start + 2, idEnd);
  const payloadStart = kind === "final" ? idEnd + 8 : idEnd;
  const sequence = kind === "final" ? bytes.readBigUInt64BE(idEnd) : 0n;
  return { kind, requestId, sequence, payload: bytes.subarray(payloadStart, end) };
}

/**
 * The good records of a file, in order; payloads are views into `bytes`. Damaged places are
 * skipped; `result` is complete when the iteration is.
 */
export function* scanRecords(bytes: Buffer, result: ScanResult): Generator<SpoolRecord> {
  let at = 0;
  while (at < bytes.length) {
    let end = endOfRecord(bytes, at);
    if (end === -1) {
      const next = findRecord(bytes, at + 1);
      if (next === -1) return;
      result.corrupt += 1;
      at = next;
      end = endOfRecord(bytes, at);
    }
    yield recordAt(bytes, at, end);
    result.end = end;
    at = end;
  }
}

function findRecord(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    if (endOfRecord(bytes, at) !== -1) return at;
  }
  return -1;
}
