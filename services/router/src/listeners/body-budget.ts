/** Memory that bodies may fill while they arrive (reliability §2.6). Unit: bytes. */
export const maximumHeldBytes = 512 * 1024 * 1024;

/** Counts the bytes of all bodies that are arriving, so that many large ones can't fill a process. */
export class BodyBudget {
  readonly #maximumBytes: number;
  #heldBytes = 0;

  constructor(maximumBytes = maximumHeldBytes) {
    this.#maximumBytes = maximumBytes;
  }

  /** Takes room for what has arrived; false: there is none. */
  take(sizeBytes: number): boolean {
    if (this.#heldBytes + sizeBytes > this.#maximumBytes) return false;
    this.#heldBytes += sizeBytes;
    return true;
  }

  /** Gives room back. */
  give(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
  }
}
