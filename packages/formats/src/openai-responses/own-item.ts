import type { BlockDelta } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import type { EventWriter } from "./event-writer.ts";
import type { StreamItem } from "./stream-item.ts";

type Written = Record<string, unknown>;

/** An item that only this format knows: its events go on as they came, at their new place. */
export class OwnItem implements StreamItem {
  readonly #events: EventWriter;
  readonly #index: number;
  #item: Written;
  #isDone = false;

  constructor(events: EventWriter, item: Written) {
    this.#events = events;
    this.#item = item;
    this.#index = events.output.length;
    events.output.push(item);
  }

  start(): string {
    const fields = { output_index: this.#index, item: this.#item };
    return this.#events.write("response.output_item.added", fields);
  }

  delta(delta: BlockDelta["delta"]): string {
    if (delta.case !== "formatDelta" || !isJsonObject(delta.value)) return "";
    const { type, item, ...fields } = delta.value as Written;
    if (typeof type !== "string") return "";
    if (type === "response.output_item.done") {
      if (isJsonObject(item)) this.#item = item;
      return this.#done();
    }
    const { sequence_number: _ofProvider, ...own } = fields;
    return this.#events.write(type, { ...own, output_index: this.#index });
  }

  end(): string {
    return this.#isDone ? "" : this.#done();
  }

  #done(): string {
    this.#isDone = true;
    this.#events.output[this.#index] = this.#item;
    const fields = { output_index: this.#index, item: this.#item };
    return this.#events.write("response.output_item.done", fields);
  }
}
