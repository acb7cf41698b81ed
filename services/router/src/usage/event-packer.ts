import { crc32 } from "node:zlib";
import { batchOverheadBytes, joinEvents } from "@penstock/bus";
import type { PublishResult, StreamMessage } from "@penstock/bus";
import type { FinalRecord } from "./spool-callback.ts";

/** Events of one message; consumers read about three messages for one transaction. */
const mostEvents = 64;
/**
 * Of a message with several events; larger ones go alone. A server takes a mebibyte unless it was
 * told otherwise, the stream 256 KiB.
 */
const mostBytes = 64 * 1024;
/** Publications without a refusal after which twice as many events go together. */
const calmPublications = 32;
/** Publications of which the bus takes nothing after which one event is tried alone. */
const vainPublications = 4;

/** One message and the events in it. */
export interface Parcel {
  readonly message: StreamMessage;
  readonly finals: readonly FinalRecord[];
}

/**
 * Puts many events into one message: the bus costs as much for a message as a router for a good
 * part of a request. When a message is refused for what it is fewer go together, until the event
 * that is to blame goes alone: what is refused alone is refused for its own sake.
 *
 * A bus that is away refuses everything, and fewer together would only make its return dearer: a
 * reason other than FIELD_INVALID counts where the same publication had messages that were taken.
 * Where all it has are in one message nothing could be, so one event goes alone after a while: if
 * it is taken, or all but it, the bus is there and the rest was refused for what it is.
 */
export class EventPacker {
  readonly #subject: string;
  #most = mostEvents;
  #calm = 0;
  #vain = 0;

  constructor(subject: string) {
    this.#subject = subject;
  }

  /**
   * The messages of a publication, in the order of their events. The same events make the same
   * messages with the same ids, so that a bus which has one already keeps it once.
   */
  pack(batch: readonly FinalRecord[]): Parcel[] {
    const parcels: Parcel[] = [];
    for (let start = 0; start < batch.length;) {
      const end = this.#endOfParcel(batch, start);
      // Those behind the first message stay what they were, with their ids.
      const alone = start === 0 && end > 1 && this.#vain >= vainPublications;
      if (alone) parcels.push(this.#parcel(batch.slice(0, 1)));
      parcels.push(this.#parcel(batch.slice(alone ? 1 : start, end)));
      start = end;
    }
    return parcels;
  }

  /** What became of a publication; undefined: not known. */
  published(parcels: readonly Parcel[], results: readonly (PublishResult | undefined)[]): void {
    const someTaken = results.some((result) => result?.ok === true);
    const refused = parcels.filter((_, index) => isBlamed(results[index], someTaken));
    if (results.every((result) => result?.ok === true)) this.#vain = 0;
    else if (!someTaken && results.some(isRefused)) this.#vain += 1;
    const largest = refused.reduce((most, { finals }) => Math.max(most, finals.length), 1);
    if (largest > 1) {
      this.#most = Math.min(this.#most, largest) >> 1;
      this.#calm = 0;
      return;
    }
    if (this.#most === mostEvents) return;
    this.#calm = results.every((result) => result?.ok === true) ? this.#calm + 1 : 0;
    if (this.#calm < calmPublications) return;
    this.#most = Math.min(mostEvents, this.#most * 2);
    this.#calm = 0;
  }

  #endOfParcel(batch: readonly FinalRecord[], start: number): number {
    const most = Math.min(batch.length, start + this.#most);
    let bytes = 0;
    let end = start;
    for (; end < most; end += 1) {
      bytes += (batch[end]?.payload.length ?? 0) + batchOverheadBytes;
      if (bytes > mostBytes && end > start) break;
    }
    return end;
  }

  #parcel(finals: readonly FinalRecord[]): Parcel {
    const payload = joinEvents(finals.map((final) => final.payload));
    const first = finals[0]?.requestId ?? "";
    // Others may have begun with the same event, with more or fewer behind it.
    const id = finals.length === 1 ? first : `${first}+${finals.length - 1}.${crc32(payload)}`;
    return { message: { id, subject: this.#subject, payload }, finals };
  }
}

/** Late ones are not: how much is published at once is another matter, see `UsagePublisher`. */
function isRefused(result: PublishResult | undefined): boolean {
  return result?.ok === false && result.error.reason !== "DEADLINE_EXCEEDED";
}

/** Whether a message was refused for what it is, not because the bus takes nothing now. */
function isBlamed(result: PublishResult | undefined, othersTaken: boolean): boolean {
  if (!isRefused(result)) return false;
  return othersTaken || (result?.ok === false && result.error.reason === "FIELD_INVALID");
}
