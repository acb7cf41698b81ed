import type { BlockDelta, BlockEnded, BlockStarted } from "@penstock/api";
import type { EventWriter } from "./event-writer.ts";
import { sealSignature } from "./sealed-signature.ts";
import type { StreamItem } from "./stream-item.ts";
import { writeCall } from "./write-output.ts";

type Written = Record<string, unknown>;

/** The call of a function. */
export class CallItem implements StreamItem {
  readonly #events: EventWriter;
  readonly #started: BlockStarted;
  readonly #index: number;
  readonly #id: string;
  readonly #prefix: string;
  #arguments = "";

  constructor(events: EventWriter, started: BlockStarted) {
    this.#events = events;
    this.#started = started;
    ({ index: this.#index, id: this.#id } = events.place("fc"));
    this.#prefix = events.prefix("response.function_call_arguments.delta", this.#place());
  }

  start(): string {
    const item = this.#item("in_progress");
    return this.#events.write("response.output_item.added", { output_index: this.#index, item });
  }

  delta(delta: BlockDelta["delta"]): string {
    if (delta.case !== "argumentsJson") return "";
    this.#arguments += delta.value;
    const text = `${this.#prefix},"delta":${JSON.stringify(delta.value)}`;
    return text + this.#events.suffix("");
  }

  end(ended: BlockEnded): string {
    const item = { ...this.#item("completed"), encrypted_content: sealSignature(ended) };
    this.#events.output[this.#index] = item;
    const whole = {
      ...this.#place(),
      name: this.#started.toolName,
      arguments: this.#arguments,
    };
    return (
      this.#events.write("response.function_call_arguments.done", whole) +
      this.#events.write("response.output_item.done", { output_index: this.#index, item })
    );
  }

  #place(): Written {
    return { item_id: this.#id, output_index: this.#index };
  }

  #item(status: string): Written {
    const { toolCallId: id, toolName: name } = this.#started;
    return { id: this.#id, ...writeCall({ id, name, argumentsJson: this.#arguments }, status) };
  }
}
