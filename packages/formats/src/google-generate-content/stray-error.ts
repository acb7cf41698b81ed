/** More of what stands outside of events is never kept. Unit: bytes. */
const maxBytes = 65_536;

const decoder = new TextDecoder("utf-8");

/**
 * Keeps the end of a stream in case it is an error that stands there as bare JSON, outside of any
 * event: the API breaks a stream off in that way.
 */
export class StrayError {
  #tail: Uint8Array[] = [];
  #sizeBytes = 0;
  #complete = true;

  /** The bytes of one read; they are copied. */
  push(bytes: Uint8Array): void {
    if (this.#complete) this.#clear();
    this.#complete = endsEvent(bytes);
    if (bytes.length > maxBytes) {
      this.#clear();
      return;
    }
    if (this.#sizeBytes + bytes.length > maxBytes) this.#clear();
    this.#tail.push(bytes.slice());
    this.#sizeBytes += bytes.length;
  }

  /** The JSON value at the end of the stream; undefined when there is none. */
  read(): unknown {
    const text = this.#tail.map((bytes) => decoder.decode(bytes)).join("");
    const start = /(?:^|\n)[{[]/.exec(text);
    if (start === null) return undefined;
    try {
      return JSON.parse(text.slice(start.index).trim()) as unknown;
    } catch {
      return undefined;
    }
  }

  #clear(): void {
    this.#tail = [];
    this.#sizeBytes = 0;
  }
}

/** Whether a blank line ends the bytes. */
function endsEvent(bytes: Uint8Array): boolean {
  const at = (back: number): number | undefined => bytes[bytes.length - back];
  return at(1) === 10 && (at(2) === 10 || (at(2) === 13 && at(3) === 10));
}
