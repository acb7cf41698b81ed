import { confirmedKey } from "@penstock/bus";
import type { ConfigBucket } from "@penstock/bus";

import type { PostedSequence } from "../storage/sequence-store.ts";

/** Names this consumer in the stream and in bucket `confirmed`. */
export const consumerName = "quota";

/**
 * Tells routers how far their events are posted, so that they may delete their spools. Called
 * after the commit; what cannot be written is tried again with the next batch.
 */
export class ConfirmedWriter {
  readonly #bucket: Pick<ConfigBucket, "put">;
  readonly #unwritten = new Map<string, bigint>();

  constructor(bucket: Pick<ConfigBucket, "put">) {
    this.#bucket = bucket;
  }

  /** Writes the newest sequences. Throws the bus's error when some could not be written. */
  async write(sequences: readonly PostedSequence[]): Promise<void> {
    for (const { replica, epoch, contiguous } of sequences) {
      this.#unwritten.set(confirmedKey(consumerName, replica, epoch), contiguous);
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
