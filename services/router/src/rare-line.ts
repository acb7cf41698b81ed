/** Lets one line through in a time, and tells it for how many it stands. */
export class RareLine {
  readonly #intervalMs: number;
  #shownAtMs = -Infinity;
  #waiting = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** How many there were since the last line, this one included; 0: not now. */
  due(nowMs: number): number {
    this.#waiting += 1;
    if (nowMs - this.#shownAtMs < this.#intervalMs) return 0;
    const count = this.#waiting;
    this.#shownAtMs = nowMs;
    this.#waiting = 0;
    return count;
  }
}
