/** Names remembered; the oldest are forgotten first. */
const maximumNames = 10_000;

/** Counts the calls of each model name, faults included, so that some of them can fail. */
export class FaultTurns {
  readonly #counts = new Map<string, number>();

  /** Number of this call of the name, from 1. */
  next(name: string): number {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > maximumNames && oldest !== undefined) this.#counts.delete(oldest);
    return count;
  }
}
