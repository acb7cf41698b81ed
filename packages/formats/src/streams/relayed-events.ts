import { localFailure } from "../failure-to-error.ts";
import { eventLine } from "./event-line.ts";
import { locateValue } from "./locate-value.ts";

/** Most text that waits for the first content: some beginnings repeat what was asked. */
const maxHeldLength = 8_388_608;

/** An event of a stream, as it goes on. */
export interface PassedEvent {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The event as it came. */
  readonly data: string;
  /** Member in which the event tells of the whole answer, where it names the model. */
  readonly answer?: string;
}

/**
 * The events of a stream on their way to a caller of the same format: as they came, but for the
 * name of the model. They are kept until they are taken, since until there is content another
 * target may answer.
 */
export class RelayedEvents {
  readonly #model: string;
  #held = "";

  /** `model` is the name that the caller asked for. */
  constructor(model: string) {
    this.#model = model;
  }

  /** Adds an event. Throws UPSTREAM_MALFORMED when too much waits. */
  add(event: PassedEvent): void {
    this.#held += `${eventLine(event.type)}data: ${this.#dataOf(event)}\n\n`;
    if (this.#held.length > maxHeldLength) {
      throw localFailure("MALFORMED", "the stream begins with too much");
    }
  }

  /** What was added since the last call. */
  take(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  #dataOf({ fields, data, answer }: PassedEvent): string {
    // A line feed would end the line that the data stands in.
    const isOneLine = !data.includes("\n");
    if (answer === undefined) return isOneLine ? data : JSON.stringify(fields);
    const model = isOneLine ? locateValue(data, [answer, "model"]) : undefined;
    if (model !== undefined) {
      return data.slice(0, model.start) + JSON.stringify(this.#model) + data.slice(model.end);
    }
    const about = fields[answer] as Readonly<Record<string, unknown>>;
    return JSON.stringify({ ...fields, [answer]: { ...about, model: this.#model } });
  }
}
