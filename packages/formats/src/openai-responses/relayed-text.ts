import { localFailure } from "../failure-to-error.ts";
import type { StreamRelay, StreamSink } from "../format.ts";
import { isJsonObject } from "../read-json.ts";

/** Most text that waits for the first content: the beginning repeats what was asked. */
const maxHeldLength = 8_388_608;

/**
 * The events of a stream on their way to a caller of the same format: as they came, but for the
 * name of the model. What comes before the first content waits for it, since until then another
 * target may answer.
 */
export class RelayedText {
  readonly #sink: StreamSink;
  readonly #relay: StreamRelay;
  #held = "";

  constructor(sink: StreamSink, relay: StreamRelay) {
    this.#sink = sink;
    this.#relay = relay;
  }

  /** Takes one event; true when text was passed on. */
  pass(type: string, event: Record<string, unknown>, data: string, isBegun: boolean): boolean {
    this.#held += this.#textOf(type, event, data);
    if (!isBegun) {
      if (this.#held.length > maxHeldLength) {
        throw localFailure("MALFORMED", "the stream begins with too much");
      }
      return false;
    }
    this.#sink.relay?.(this.#held);
    this.#held = "";
    return true;
  }

  /** The event that ends the stream, behind what still waits. */
  last(type: string, event: Record<string, unknown>): string {
    return this.#held + this.#textOf(type, event, "\n");
  }

  /** `data` is the event as it came; written anew where it names the model, or has lines. */
  #textOf(type: string, event: Record<string, unknown>, data: string): string {
    const { response } = event;
    let text = data;
    if (isJsonObject(response)) {
      const renamed = { ...event, response: { ...response, model: this.#relay.model } };
      text = JSON.stringify(renamed);
    } else if (data.includes("\n")) text = JSON.stringify(event);
    return `event: ${type}\ndata: ${text}\n\n`;
  }
}
