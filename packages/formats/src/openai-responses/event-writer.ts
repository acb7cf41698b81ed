import type { AnswerIdentity } from "../format.ts";
import { eventLine } from "../streams/event-line.ts";
import { itemId } from "./write-output.ts";
import { idBase } from "./write-response.ts";

type Written = Record<string, unknown>;

/** What the items of one stream share: the count of events, the ids, the items that are done. */
export class EventWriter {
  /** The items, by their number. */
  readonly output: Written[] = [];
  readonly #base: string;
  #sequence = 0;

  constructor(identity: AnswerIdentity) {
    this.#base = idBase(identity);
  }

  /** Whether an event was written. */
  get begun(): boolean {
    return this.#sequence > 0;
  }

  /** Takes the next place among the items, with the id of an item there. */
  place(kind: Parameters<typeof itemId>[0]): { index: number; id: string } {
    const index = this.output.length;
    const id = itemId(kind, this.#base, index);
    this.output.push({});
    return { index, id };
  }

  /** One event; its type may be that of a provider. */
  write(type: string, fields: Written): string {
    const data = JSON.stringify({ type, ...fields, sequence_number: this.#sequence++ });
    return `${eventLine(type)}data: ${data}\n\n`;
  }

  /** The beginning of an event of which only the last members change from time to time. */
  prefix(type: string, fields: Written): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields }).slice(0, -1)}`;
  }

  /** The rest of such an event; `members` begins with a comma. */
  suffix(members: string): string {
    return `${members},"sequence_number":${this.#sequence++}}\n\n`;
  }
}
