import { localFailure } from "../failure-to-error.ts";
import type { StreamRelay } from "../format.ts";
import { isJsonObject } from "../read-json.ts";

/** Most text that waits for the first content. Unit: characters. */
const maxHeldLength = 8_388_608;

/**
 * The text of a stream for a caller of the same format: each event as it came, but for the name of
 * the model; kept back until there is content. Signs of life are the gateway's own affair.
 */
export class RelayedText {
  readonly #relay: StreamRelay;
  #held = "";

  constructor(relay: StreamRelay) {
    this.#relay = relay;
  }

  /** Takes an event that was read; `data` is its text. Throws UPSTREAM_MALFORMED on too much. */
  add(type: string, fields: Readonly<Record<string, unknown>>, data: string): void {
    if (type === "ping") return;
    this.#held += `event: ${type}\ndata: ${this.#dataOf(type, fields, data)}\n\n`;
    if (this.#held.length > maxHeldLength) {
      throw localFailure("MALFORMED", "the stream begins with too much");
    }
  }

  /** What was taken since the last call. */
  take(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  #dataOf(type: string, fields: Readonly<Record<string, unknown>>, data: string): string {
    const { message } = fields;
    if (type === "message_start" && isJsonObject(message)) {
      return JSON.stringify({ ...fields, message: { ...message, model: this.#relay.model } });
    }
    // A line feed would end the line that the data stands in.
    return data.includes("\n") ? JSON.stringify(fields) : data;
  }
}
