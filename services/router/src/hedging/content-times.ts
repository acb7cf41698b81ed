import { quantile, stepCount, stepOf } from "../performance/log-histogram.ts";

/** Times are forgotten after one to two of these. */
const windowMs = 300_000;
/** Upper bound of the first step. Unit: milliseconds. */
const lowestMs = 1;
/** Fewer say nothing of what is late: a percentile of 95 needs twenty. */
const leastTimes = 20;

/** After how long one target's first content came, in the last 5 to 10 minutes. */
export class ContentTimes {
  #window = -1;
  #now = new Uint32Array(stepCount);
  #before = new Uint32Array(stepCount);

  /** Adds a time. `nowMs` is monotonic. */
  add(timeMs: number, nowMs: number): void {
    this.#turn(nowMs);
    const step = stepOf(timeMs, lowestMs);
    this.#now[step] = (this.#now[step] ?? 0) + 1;
  }

  /** The time that the share of them kept, from 0 to 1; undefined: too few are known. */
  quantile(share: number, nowMs: number): number | undefined {
    this.#turn(nowMs);
    const sums = this.#now.map((count, step) => count + (this.#before[step] ?? 0));
    const known = sums.reduce((sum, count) => sum + count, 0);
    return known < leastTimes ? undefined : quantile(sums, share, lowestMs);
  }

  #turn(nowMs: number): void {
    const window = Math.floor(nowMs / windowMs);
    if (window === this.#window) return;
    const [now, before] = [this.#now, this.#before];
    this.#before = window === this.#window + 1 ? now : before.fill(0);
    this.#now = (this.#before === now ? before : now).fill(0);
    this.#window = window;
  }
}
