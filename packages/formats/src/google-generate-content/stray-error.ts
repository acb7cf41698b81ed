/** More of what stands outside of events is never kept. Unit: characters. */
const maxLength = 65_536;

/**
 * Keeps the end of a stream in case it is an error that stands there as bare JSON, outside of any
 * event: the API breaks a stream off in that way.
 */
export class StrayError {
  #tail = "";
  #complete = true;

  /** The text of one read, whose lines end with LF. */
  push(text: string): void {
    const before = this.#complete ? "" : this.#tail;
    this.#complete = text.endsWith("\n\n");
    const tail = before.length + text.length > maxLength ? text : before + text;
    this.#tail = tail.length > maxLength ? "" : tail;
  }

  /** The JSON value at the end of the stream; undefined when there is none. */
  read(): unknown {
    const start = /(?:^|\n)[{[]/.exec(this.#tail);
    if (start === null) return undefined;
    try {
      return JSON.parse(this.#tail.slice(start.index).trim()) as unknown;
    } catch {
      return undefined;
    }
  }
}
