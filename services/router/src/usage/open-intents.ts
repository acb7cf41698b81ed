import type { SpoolSegment } from "./spool-segment.ts";

interface OpenIntent {
  readonly requestId: string;
  segment: SpoolSegment;
  /** Of another request with the same key. */
  next: OpenIntent | undefined;
}

/** Ids end in random digits: so many of them tell open requests apart, nearly always. */
const keyUnits = 8;
/** What an engine keeps in place of a pointer. */
const keyMask = 0x3fff_ffff;

/**
 * Requests that began and are not over, each with the file that its intent is in. Not a Map by the
 * ids: it would enter each new text into the engine's table of names, at 0.5 µs a request.
 */
export class OpenIntents {
  readonly #byKey = new Map<number, OpenIntent>();

  has(requestId: string): boolean {
    let one = this.#byKey.get(keyOf(requestId));
    while (one !== undefined && one.requestId !== requestId) one = one.next;
    return one !== undefined;
  }

  /** The intent of the request is in the segment. */
  set(requestId: string, segment: SpoolSegment): void {
    const key = keyOf(requestId);
    const first = this.#byKey.get(key);
    for (let one = first; one !== undefined; one = one.next) {
      if (one.requestId !== requestId) continue;
      one.segment = segment;
      return;
    }
    this.#byKey.set(key, { requestId, segment, next: first });
  }

  /** The request is over; gives where its intent is. */
  take(requestId: string): SpoolSegment | undefined {
    const key = keyOf(requestId);
    let before: OpenIntent | undefined;
    let one = this.#byKey.get(key);
    while (one !== undefined && one.requestId !== requestId) {
      before = one;
      one = one.next;
    }
    if (one === undefined) return undefined;
    if (before !== undefined) before.next = one.next;
    else if (one.next !== undefined) this.#byKey.set(key, one.next);
    else this.#byKey.delete(key);
    return one.segment;
  }
}

function keyOf(requestId: string): number {
  const { length } = requestId;
  let key = 0;
  for (let at = Math.max(0, length - keyUnits); at < length; at += 1) {
    key = (key * 31 + requestId.charCodeAt(at)) & keyMask;
  }
  return key;
}
