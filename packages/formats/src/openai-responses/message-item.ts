import type { BlockDelta, CitationPart, TokenLogprob, TokenLogprobs } from "@penstock/api";
import { newLogprobs, writeLogprobs } from "../logprobs.ts";
import type { EventWriter } from "./event-writer.ts";
import { writeCitation } from "./read-citation.ts";
import type { StreamItem } from "./stream-item.ts";
import { newMessage, writeText } from "./write-output.ts";

type Written = Record<string, unknown>;

/** A message: texts and refusals, one after the other. */
export class MessageItem implements StreamItem {
  readonly #events: EventWriter;
  readonly #index: number;
  readonly #id: string;
  readonly #content: Written[] = [];
  #text = "";
  #logprobs: TokenLogprob[] = [];
  #isRefusal = false;
  #prefix = "";
  /** Whether the block of its last part goes on. */
  isOpen = false;
  #isPartOpen = false;

  constructor(events: EventWriter) {
    this.#events = events;
    ({ index: this.#index, id: this.#id } = events.place("msg"));
  }

  start(): string {
    const item = newMessage(this.#id, [], "in_progress");
    return this.#events.write("response.output_item.added", { output_index: this.#index, item });
  }

  /** The events by which a text or refusal begins in it. */
  startPart(isRefusal: boolean): string {
    const closed = this.#closePart();
    this.isOpen = true;
    this.#isPartOpen = true;
    this.#isRefusal = isRefusal;
    this.#text = "";
    this.#logprobs = [];
    const part = writeText({ text: "", refusal: isRefusal });
    this.#content.push(part);
    const type = isRefusal ? "response.refusal.delta" : "response.output_text.delta";
    this.#prefix = this.#events.prefix(type, this.#place());
    const added = { ...this.#place(), part };
    return closed + this.#events.write("response.content_part.added", added);
  }

  delta(delta: BlockDelta["delta"], logprobs: TokenLogprobs | undefined): string {
    if (delta.case !== "text" || !this.isOpen) return "";
    this.#text += delta.value;
    const begin = `${this.#prefix},"delta":${JSON.stringify(delta.value)}`;
    if (this.#isRefusal) return begin + this.#events.suffix("");
    if (logprobs === undefined) return begin + this.#events.suffix(',"logprobs":[]');
    this.#logprobs.push(...logprobs.tokens);
    const written = JSON.stringify(writeLogprobs(logprobs));
    return begin + this.#events.suffix(`,"logprobs":${written}`);
  }

  /** A source of its last text. */
  cite(citation: CitationPart): string {
    const annotation = writeCitation(citation);
    const annotations = this.#content.at(-1)?.["annotations"];
    if (annotation === undefined || !Array.isArray(annotations)) return "";
    annotations.push(annotation);
    return this.#events.write("response.output_text.annotation.added", {
      ...this.#place(),
      annotation_index: annotations.length - 1,
      annotation,
    });
  }

  /** Its text is complete; the message waits for what may follow. */
  end(): string {
    this.isOpen = false;
    return "";
  }

  /** The message is over. */
  close(): string {
    this.isOpen = false;
    const closed = this.#closePart();
    const item = newMessage(this.#id, this.#content);
    this.#events.output[this.#index] = item;
    const done = { output_index: this.#index, item };
    return closed + this.#events.write("response.output_item.done", done);
  }

  #closePart(): string {
    const part = this.#content.at(-1);
    if (!this.#isPartOpen || part === undefined) return "";
    this.#isPartOpen = false;
    const place = this.#place();
    const done = this.#finishText(part);
    const type = this.#isRefusal ? "response.refusal.done" : "response.output_text.done";
    return (
      this.#events.write(type, { ...place, ...done }) +
      this.#events.write("response.content_part.done", { ...place, part })
    );
  }

  /** Puts what has come into the part; gives what the event of its end says of it. */
  #finishText(part: Written): Written {
    const text = this.#text;
    if (this.#isRefusal) {
      part["refusal"] = text;
      return { refusal: text };
    }
    const logprobs = writeLogprobs(newLogprobs(this.#logprobs));
    Object.assign(part, { text, logprobs });
    return { text, logprobs };
  }

  #place(): Written {
    const contentIndex = this.#content.length - 1;
    return { item_id: this.#id, output_index: this.#index, content_index: contentIndex };
  }
}
