/** Length of the window and of its six slots (reliability §2.2). */
const windowMs = 60_000;
const slotMs = 10_000;
/** Share of a window's money that failed attempts may have cost: a tenth. */
const shareDivisor = 10n;
/** Not worth a refusal, in a window: 0.10 USD. */
const freeNanoUsd = 100_000_000n;

interface Slot {
  readonly index: number;
  spentNanoUsd: bigint;
  repeatedNanoUsd: bigint;
}

/**
 * Keeps the broken answers of a vendor from costing twice without an end: what failed attempts have
 * cost that were repeated at the same vendor is at most a tenth of the money of the last minute, or
 * 0.10 USD. Another vendor may always be asked, and failures without a cost are not its business.
 */
export class SpendBudget {
  readonly #slots: Slot[] = [];

  /** An attempt has cost this, however it ended. Unit: nano-USD. */
  spent(nowMs: number, costNanoUsd: bigint): void {
    this.#slot(nowMs).spentNanoUsd += costNanoUsd;
  }

  /** Whether a failed attempt of this cost may be repeated at the same vendor. */
  hasRoom(nowMs: number, costNanoUsd: bigint): boolean {
    if (costNanoUsd <= 0n) return true;
    this.#slot(nowMs);
    let [spent, repeated] = [0n, costNanoUsd];
    for (const slot of this.#slots) {
      spent += slot.spentNanoUsd;
      repeated += slot.repeatedNanoUsd;
    }
    return repeated <= freeNanoUsd || repeated * shareDivisor <= spent;
  }

  /** A failed attempt of this cost is repeated at the same vendor. */
  repeat(nowMs: number, costNanoUsd: bigint): void {
    this.#slot(nowMs).repeatedNanoUsd += costNanoUsd;
  }

  #slot(nowMs: number): Slot {
    const index = Math.floor(nowMs / slotMs);
    while (this.#slots.length > 0 && index - (this.#slots[0]?.index ?? 0) >= windowMs / slotMs) {
      this.#slots.shift();
    }
    const last = this.#slots.at(-1);
    if (last !== undefined && last.index === index) return last;
    const slot = { index, spentNanoUsd: 0n, repeatedNanoUsd: 0n };
    this.#slots.push(slot);
    return slot;
  }
}
