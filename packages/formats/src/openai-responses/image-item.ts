import type { BlockDelta } from "@penstock/api";
import type { EventWriter } from "./event-writer.ts";
import type { StreamItem } from "./stream-item.ts";
import { writeImage } from "./write-output.ts";

/** An image that the model made. */
export class ImageItem implements StreamItem {
  readonly #events: EventWriter;
  readonly #index: number;
  readonly #id: string;
  readonly #pieces: Uint8Array[] = [];

  constructor(events: EventWriter) {
    this.#events = events;
    ({ index: this.#index, id: this.#id } = events.place("ig"));
  }

  start(): string {
    const item = {
      id: this.#id,
      type: "image_generation_call",
      status: "in_progress",
      result: null,
    };
    return this.#events.write("response.output_item.added", { output_index: this.#index, item });
  }

  delta(delta: BlockDelta["delta"]): string {
    if (delta.case === "data") this.#pieces.push(delta.value);
    return "";
  }

  end(): string {
    const item = { id: this.#id, ...writeImage(this.#bytes()) };
    this.#events.output[this.#index] = item;
    return this.#events.write("response.output_item.done", { output_index: this.#index, item });
  }

  #bytes(): Uint8Array {
    const whole = new Uint8Array(this.#pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}
