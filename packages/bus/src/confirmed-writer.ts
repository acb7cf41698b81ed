import type { ConfigBucket } from "./config-bucket.ts";
import { confirmedKey } from "./subjects.ts";

/** How far a consumer got with one life of a router: everything from 1 to `contiguous`. */
export interface ConfirmedSequence {
  readonly replica: string;
  readonly epoch: bigint;
  readonly contiguous: bigint;
}

/**
 * Tells routers in bucket `confirmed` how far a consumer got, so that they may delete their
 * spools. Call it after the commit; what cannot be written is tried again with the next call.
 */
export class ConfirmedWriter {
  readonly #bucket: Pick<ConfigBucket, "put">;
  readonly #consumer: string;
  readonly #unwritten = new Map<string, bigint>();

  constructor(bucket: Pick<ConfigBucket, "put">, consumer: string) {
    this.#bucket = bucket;
    this.#consumer = consumer;
  }

  /** Writes the newest sequences. Throws the bus's error when some could not be written. */
  async write(sequences: readonly ConfirmedSequence[]): Promise<void> {
    for (const { replica, epoch, contiguous } of sequences) {
      this.#unwritten.set(confirmedKey(this.#consumer, replica, epoch), contiguous);
    }
    for (const [key, contiguous] of this.#unwritten) {
      await this.#bucket.put(key, eightBytes(contiguous));
      this.#unwritten.delete(key);
    }
  }
}

function eightBytes(sequence: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(sequence);
  return bytes;
}
