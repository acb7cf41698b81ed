import type { BlockDelta, BlockEnded, BlockStarted } from "@penstock/api";
import type { EventWriter } from "./event-writer.ts";
import { writeReasoning } from "./reasoning-item.ts";
import { sealSignature } from "./sealed-signature.ts";
import type { StreamItem } from "./stream-item.ts";

type Written = Record<string, unknown>;

/** What the model thinks, told as one summary. */
export class ThoughtItem implements StreamItem {
  readonly #events: EventWriter;
  readonly #place: Written;
  readonly #index: number;
  readonly #redacted: boolean | undefined;
  #text = "";
  #prefix = "";

  constructor(events: EventWriter, { redacted }: BlockStarted) {
    this.#events = events;
    this.#redacted = redacted;
    const { index, id } = events.place("rs");
    this.#index = index;
    this.#place = { item_id: id, output_index: index, summary_index: 0 };
  }

  start(): string {
    const item = { id: this.#place["item_id"], ...writeReasoning("", undefined) };
    return this.#events.write("response.output_item.added", { output_index: this.#index, item });
  }

  delta(delta: BlockDelta["delta"]): string {
    if (delta.case !== "text") return "";
    const first = this.#prefix === "" ? this.#startSummary() : "";
    this.#text += delta.value;
    const text = `${this.#prefix},"delta":${JSON.stringify(delta.value)}`;
    return first + text + this.#events.suffix("");
  }

  end(ended: BlockEnded): string {
    const thought = writeReasoning(
      this.#text,
      sealSignature({ ...ended, redacted: this.#redacted }),
    );
    const item = { id: this.#place["item_id"], ...thought };
    this.#events.output[this.#index] = item;
    const done = { output_index: this.#index, item };
    const closed = this.#prefix === "" ? "" : this.#endSummary();
    return closed + this.#events.write("response.output_item.done", done);
  }

  #startSummary(): string {
    const type = "response.reasoning_summary_text.delta";
    this.#prefix = this.#events.prefix(type, this.#place);
    const part = { type: "summary_text", text: "" };
    return this.#events.write("response.reasoning_summary_part.added", { ...this.#place, part });
  }

  #endSummary(): string {
    const text = this.#text;
    const part = { type: "summary_text", text };
    return (
      this.#events.write("response.reasoning_summary_text.done", { ...this.#place, text }) +
      this.#events.write("response.reasoning_summary_part.done", { ...this.#place, part })
    );
  }
}
