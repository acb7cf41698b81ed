import type { BlockDelta, BlockEnded, BlockStarted } from "@penstock/api";
import type { CallForm } from "../call-forms.ts";
import { callPrefixes, textOf, writeCalledTool } from "./called-tool.ts";
import type { EventWriter } from "./event-writer.ts";
import { sealSignature } from "./sealed-signature.ts";
import type { StreamItem } from "./stream-item.ts";

type Written = Record<string, unknown>;

/**
 * The call of a tool that was sent as a function and is none: its text or search is told when it is
 * whole, as it stands inside of JSON until then.
 */
export class CalledToolItem implements StreamItem {
  readonly #events: EventWriter;
  readonly #callId: string;
  readonly #form: CallForm;
  readonly #index: number;
  readonly #id: string;
  #arguments = "";

  constructor(events: EventWriter, { toolCallId }: BlockStarted, form: CallForm) {
    this.#events = events;
    this.#callId = toolCallId;
    this.#form = form;
    ({ index: this.#index, id: this.#id } = events.place(callPrefixes[form.kind]));
  }

  start(): string {
    const item = this.#item("in_progress");
    return this.#events.write("response.output_item.added", { output_index: this.#index, item });
  }

  delta(delta: BlockDelta["delta"]): string {
    if (delta.case === "argumentsJson") this.#arguments += delta.value;
    return "";
  }

  end(ended: BlockEnded): string {
    const item = { ...this.#item("completed"), encrypted_content: sealSignature(ended) };
    this.#events.output[this.#index] = item;
    const done = { output_index: this.#index, item };
    return this.#content() + this.#events.write("response.output_item.done", done);
  }

  #content(): string {
    const place = { item_id: this.#id, output_index: this.#index };
    const events = this.#events;
    switch (this.#form.kind) {
      case "custom": {
        const input = textOf(this.#arguments);
        return (
          events.write("response.custom_tool_call_input.delta", { ...place, delta: input }) +
          events.write("response.custom_tool_call_input.done", { ...place, input })
        );
      }
      case "function": {
        const given = this.#arguments;
        return (
          events.write("response.function_call_arguments.delta", { ...place, delta: given }) +
          events.write("response.function_call_arguments.done", { ...place, arguments: given })
        );
      }
      case "tool_search":
        return "";
    }
  }

  #item(status: string): Written {
    // Nothing is known of it before it is whole.
    const argumentsJson = status === "completed" ? this.#arguments : "";
    const call = { id: this.#callId, argumentsJson };
    return { id: this.#id, ...writeCalledTool(call, this.#form, status) };
  }
}
