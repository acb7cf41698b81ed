import { confirmedKey } from "@penstock/bus";
import type { BucketEntry, Bus, Watch } from "@penstock/bus";
import type { Logger } from "@penstock/observability";

/** Both have to have an event before its file may go. */
const consumers = ["quota", "telemetry"] as const;

/** What is followed, and who hears of it. */
export interface ConfirmationsOptions {
  readonly bucket: Bus["confirmed"];
  /** Name on the usage stream. */
  readonly replica: string;
  readonly logger: Logger;
  /** All consumers have the events of the epoch up to `sequence`, further than before. */
  onConfirmed(epoch: bigint, sequence: bigint): void;
  /** The bus was away: what it had may be gone. */
  onGap(): void;
}

/** How far the consumers of the usage stream have stored the events of one router. */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #byKey = new Map<string, bigint>();
  readonly #told = new Map<bigint, bigint>();
  #watches: Watch[] = [];

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { bucket, replica, logger, onGap } = this.#options;
    for (const consumer of consumers) {
      const watch = await bucket.watch({
        prefix: `${consumer}.${replica}.`,
        onEntry: (entry) => this.#take(entry),
        onProblem: (error) => {
          logger.warn("confirmations can't be followed", { error });
          onGap();
        },
      });
      this.#watches.push(watch);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
    this.#watches = [];
  }

  /** The number up to which every consumer has the events of the epoch; 0n: none. */
  byAll(epoch: bigint): bigint {
    const { replica } = this.#options;
    const sequences = consumers.map(
      (consumer) => this.#byKey.get(confirmedKey(consumer, replica, epoch)) ?? 0n,
    );
    return sequences.reduce((least, one) => (one < least ? one : least));
  }

  #take({ key, value, deleted }: BucketEntry): void {
    const epochText = key.slice(key.lastIndexOf(".") + 1);
    if (deleted || value.length !== 8 || !/^\d{1,18}$/.test(epochText)) return;
    const sequence = Buffer.from(value).readBigUInt64BE();
    // A bus that was rolled back tells old news: what was confirmed stays so.
    if (sequence <= (this.#byKey.get(key) ?? 0n)) return;
    this.#byKey.set(key, sequence);
    const epoch = BigInt(epochText);
    const all = this.byAll(epoch);
    if (all <= (this.#told.get(epoch) ?? 0n)) return;
    this.#told.set(epoch, all);
    this.#options.onConfirmed(epoch, all);
  }
}
