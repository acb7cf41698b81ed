import { GatewayError } from "@penstock/errors";
import type { ConfigBucket } from "./config-bucket.ts";
import { confirmedKey } from "./subjects.ts";

/** How far a consumer got with one life of a router: everything from 1 to `contiguous`. */
export interface ConfirmedSequence {
  readonly replica: string;
  readonly epoch: bigint;
  readonly contiguous: bigint;
}

/** What a key held when it was last seen. */
interface Seen {
  readonly revision: bigint;
  readonly contiguous: bigint;
}

/** Each conflict means that another instance wrote, which it does once a batch. */
const maximumAttempts = 8;
/** Lives of routers whose keys are remembered; those forgotten cost one read. */
const maximumSeen = 10_000;

/**
 * Tells routers in bucket `confirmed` how far a consumer got, so that they may delete their
 * spools. Call it after the commit; what cannot be written is tried again with the next call.
 * Instances of one consumer write the same keys in any order, and no key ever goes back.
 */
export class ConfirmedWriter {
  readonly #bucket: Pick<ConfigBucket, "put" | "get">;
  readonly #consumer: string;
  readonly #unwritten = new Map<string, bigint>();
  readonly #seen = new Map<string, Seen>();

  constructor(bucket: Pick<ConfigBucket, "put" | "get">, consumer: string) {
    this.#bucket = bucket;
    this.#consumer = consumer;
  }

  /** Writes the newest sequences. Throws the bus's error when some could not be written. */
  async write(sequences: readonly ConfirmedSequence[]): Promise<void> {
    for (const { replica, epoch, contiguous } of sequences) {
      const key = confirmedKey(this.#consumer, replica, epoch);
      if (contiguous > (this.#unwritten.get(key) ?? 0n)) this.#unwritten.set(key, contiguous);
    }
    for (const [key, contiguous] of this.#unwritten) {
      await this.#raise(key, contiguous);
      if (this.#unwritten.get(key) === contiguous) this.#unwritten.delete(key);
    }
  }

  async #raise(key: string, contiguous: bigint): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      let seen = this.#seen.get(key);
      // What is there already is looked up again: the bus may have lost it.
      if (seen === undefined || seen.contiguous >= contiguous) seen = await this.#read(key);
      if (seen.contiguous >= contiguous) return;
      try {
        const options = { expectedRevision: seen.revision };
        const revision = await this.#bucket.put(key, eightBytes(contiguous), options);
        this.#remember(key, { revision, contiguous });
        return;
      } catch (error) {
        this.#seen.delete(key);
        const conflict = error instanceof GatewayError && error.reason === "ETAG_MISMATCH";
        if (!conflict || attempt >= maximumAttempts) throw error;
      }
    }
  }

  async #read(key: string): Promise<Seen> {
    const entry = await this.#bucket.get(key);
    if (entry === undefined) return { revision: 0n, contiguous: 0n };
    const { value, revision } = entry;
    const contiguous = value.length === 8 ? Buffer.from(value).readBigUInt64BE() : 0n;
    const seen = { revision, contiguous };
    this.#remember(key, seen);
    return seen;
  }

  #remember(key: string, seen: Seen): void {
    if (this.#seen.size >= maximumSeen) this.#seen.clear();
    this.#seen.set(key, seen);
  }
}

function eightBytes(sequence: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(sequence);
  return bytes;
}
