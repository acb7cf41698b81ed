import type { FinalRecord } from "./spool-callback.ts";

/** Finals that wait in memory, in the order of their numbers. */
export class FinalQueue {
  #finals: FinalRecord[] = [];
  #bytes = 0;

  get length(): number {
    return this.#finals.length;
  }

  /** Size of their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  get first(): FinalRecord | undefined {
    return this.#finals[0];
  }

  push(final: FinalRecord): void {
    this.#finals.push(final);
    this.#bytes += final.payload.length;
  }

  /** The first ones, at most `most`; they stay until they are replaced. */
  head(most: number): readonly FinalRecord[] {
    return this.#finals.slice(0, most);
  }

  /** Puts what is left of the head in its place. */
  replace(head: readonly FinalRecord[], left: readonly FinalRecord[]): void {
    this.#finals.splice(0, head.length, ...left);
    for (const { payload } of head) this.#bytes -= payload.length;
    for (const { payload } of left) this.#bytes += payload.length;
  }

  /** Removes and gives those with numbers up to `sequence`. */
  takeUpTo(sequence: bigint): readonly FinalRecord[] {
    const { first } = this;
    if (first === undefined || first.sequence > sequence) return [];
    const end = this.#finals.findIndex((final) => final.sequence > sequence);
    const taken = this.#finals.slice(0, end === -1 ? undefined : end);
    this.replace(taken, []);
    return taken;
  }
}
