import { isJsonObject } from "../read-json.ts";
import { parseStreamEvent } from "../streams/parse-stream-event.ts";

/**
 * The usage that a stream has told so far. Counts are cumulative, and a chunk may tell only some of
 * them. What is told with every chunk is read once somebody asks.
 */
export class ToldUsage {
  #known: Record<string, unknown> | undefined;
  /** The data of the last chunk that was not read; empty: there is none. */
  #unread = "";
  #source: unknown;

  /** What a chunk tells. */
  add(usage: unknown): void {
    this.#read();
    if (isJsonObject(usage)) this.#known = { ...this.#known, ...usage };
  }

  /** The data of a chunk that is known to tell of it, in the same members as others of its source. */
  note(data: string, source: unknown): void {
    if (source !== this.#source) this.#read();
    this.#source = source;
    this.#unread = data;
  }

  /** All that was told; undefined: nothing. */
  get value(): Record<string, unknown> | undefined {
    this.#read();
    return this.#known;
  }

  #read(): void {
    if (this.#unread === "") return;
    const { usageMetadata: usage } = parseStreamEvent(this.#unread);
    this.#unread = "";
    if (isJsonObject(usage)) this.#known = { ...this.#known, ...usage };
  }
}
