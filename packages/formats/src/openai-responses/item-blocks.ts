import { BlockKind, type TokenLogprobs } from "@penstock/api";
import {
  argumentsDelta,
  blockEnded,
  citationStarted,
  textDelta,
  textStarted,
  toolCallStarted,
} from "../streams/stream-events.ts";
import { isJsonObject } from "../read-json.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import { formatDelta, formatName, formatStarted } from "./format-part.ts";
import { readCitation, readCitations } from "./read-citation.ts";
import { encryptedOf, readCall } from "./read-output.ts";
import { betweenSummaries, thoughtOf } from "./reasoning-item.ts";

type Fields = Record<string, unknown>;

/** What is known of one output item while the stream runs. */
interface Item {
  readonly type: string;
  /** Its block, where it is one; the open ones of a message by the number of its content part. */
  block: number | undefined;
  readonly texts: Map<number, number>;
  /** Which of its two texts a thought is told by; the first that comes. */
  thought: string | undefined;
  thoughtPart: number;
  hasText: boolean;
  hasCitations: boolean;
  done: boolean;
}

/**
 * The blocks of a stream's output items. Servers differ in how much they tell by deltas: what none
 * brought is taken from the item when it is done.
 */
export class ItemBlocks {
  readonly #output: AnswerOutput;
  readonly #items = new Map<number, Item>();

  constructor(output: AnswerOutput) {
    this.#output = output;
  }

  /** Whether anything was told of an item. */
  knows(index: number): boolean {
    return this.#items.has(index);
  }

  /** An item begins. */
  added(index: number, given: Fields): void {
    if (this.#items.has(index)) return;
    const item = newItem(given);
    this.#items.set(index, item);
    if (item.type === "function_call") this.#startCall(item, given);
    else if (isOwn(item)) this.#startOwn(item, given);
  }

  /** More text or refusal of a message. */
  text(
    index: number,
    part: number,
    delta: { kind: BlockKind; text: string; logprobs: TokenLogprobs | undefined },
  ): void {
    const item = this.#item(index, "message");
    item.hasText = true;
    let block = item.texts.get(part);
    if (block === undefined) {
      block = this.#startText(delta.kind);
      item.texts.set(part, block);
    }
    const event = textDelta(block, delta.text);
    if (delta.logprobs !== undefined && event.case === "blockDelta") {
      event.value.logprobs = delta.logprobs;
    }
    this.#output.emit(event);
  }

  /** A source of a message. */
  citation(index: number, annotation: unknown): void {
    this.#item(index, "message").hasCitations = true;
    const citation = readCitation(annotation);
    if (citation !== undefined) this.#cite(citation);
  }

  /** More of a thought; `source` is its summary or its content. */
  thought(index: number, source: string, part: number, text: string): void {
    const item = this.#item(index, "reasoning");
    item.thought ??= source;
    if (item.thought !== source) return;
    if (item.block === undefined) {
      item.block = this.#startText(BlockKind.REASONING);
      item.thoughtPart = part;
    }
    const isNext = part !== item.thoughtPart;
    item.thoughtPart = part;
    this.#output.emit(textDelta(item.block, isNext ? betweenSummaries + text : text));
  }

  /** More of a call's arguments. */
  arguments(index: number, text: string): void {
    const item = this.#items.get(index);
    if (item?.block === undefined || item.type !== "function_call" || item.done) return;
    item.hasText = true;
    this.#output.countArguments(text.length);
    this.#output.emit(argumentsDelta(item.block, text));
  }

  /** The arguments of a call, whole; told again where deltas told them. */
  argumentsDone(index: number, text: string): void {
    if (text !== "" && this.#items.get(index)?.hasText === false) this.arguments(index, text);
  }

  /** An event about an item that only this format knows. */
  own(index: number, event: Fields, length: number): void {
    const item = this.#items.get(index);
    if (item?.block === undefined || !isOwn(item) || item.done) return;
    this.#output.countArguments(length);
    this.#output.emit(formatDelta(item.block, event));
  }

  /** An item is complete. `event` is what told so, where an event did. */
  done(index: number, given: Fields, event?: Fields): void {
    if (!this.#items.has(index)) this.#items.set(index, newItem(given));
    const item = this.#items.get(index);
    if (item === undefined || item.done) return;
    item.done = true;
    if (item.type === "message") this.#endMessage(item, given);
    else if (item.type === "reasoning") this.#endThought(item, given);
    else if (item.type === "function_call") this.#endCall(item, given);
    else this.#endOwn(item, given, event);
  }

  /** The answer is complete: what is still open ends. */
  end(): void {
    for (const item of this.#items.values()) {
      if (item.done) continue;
      item.done = true;
      for (const block of item.texts.values()) this.#output.emit(blockEnded(block));
      if (item.block !== undefined) this.#output.emit(blockEnded(item.block));
    }
  }

  #item(index: number, type: string): Item {
    let item = this.#items.get(index);
    if (item === undefined || item.type !== type || item.done) {
      item = newItem({ type });
      this.#items.set(index, item);
    }
    return item;
  }

  /** `redacted`: only the opaque form of it is shown. */
  #startText(kind: BlockKind, redacted = false): number {
    const block = this.#output.nextBlock();
    const started = textStarted(block, 0, kind);
    if (redacted && started.case === "blockStarted") started.value.redacted = true;
    this.#output.emit(started);
    return block;
  }

  #startCall(item: Item, given: Fields): void {
    const { id, name, text } = readCall(given);
    item.block = this.#output.nextBlock();
    this.#output.emit(toolCallStarted(item.block, 0, { id, name }));
    if (text === "") return;
    item.hasText = true;
    this.#output.countArguments(text.length);
    this.#output.emit(argumentsDelta(item.block, text));
  }

  #startOwn(item: Item, given: Fields): void {
    item.block = this.#output.nextBlock();
    this.#output.emit(formatStarted(item.block, given));
  }

  #endMessage(item: Item, { content }: Fields): void {
    const parts = Array.isArray(content) ? (content as unknown[]) : [];
    for (const [number, part] of parts.entries()) {
      if (!isJsonObject(part)) continue;
      const { text, refusal, annotations } = part;
      if (!item.texts.has(number)) {
        if (typeof text === "string") this.#wholeText(BlockKind.TEXT, text);
        if (typeof refusal === "string") this.#wholeText(BlockKind.REFUSAL, refusal);
      }
      if (item.hasCitations) continue;
      for (const citation of readCitations(annotations)) this.#cite(citation);
    }
    for (const block of item.texts.values()) this.#output.emit(blockEnded(block));
  }

  #wholeText(kind: BlockKind, text: string): void {
    if (text === "") return;
    const block = this.#startText(kind);
    this.#output.emit(textDelta(block, text));
    this.#output.emit(blockEnded(block));
  }

  #endThought(item: Item, given: Fields): void {
    const signature = encryptedOf(given);
    if (item.block === undefined) {
      const text = thoughtOf(given);
      if (text === "" && signature === undefined) return;
      item.block = this.#startText(BlockKind.REASONING, text === "");
      if (text !== "") this.#output.emit(textDelta(item.block, text));
    }
    const ended = blockEnded(item.block);
    if (signature !== undefined && ended.case === "blockEnded") {
      Object.assign(ended.value, { signature, signatureIssuer: formatName });
    }
    this.#output.emit(ended);
  }

  #endCall(item: Item, given: Fields): void {
    if (item.block === undefined) this.#startCall(item, given);
    else if (!item.hasText) {
      const { text } = readCall(given);
      this.#output.countArguments(text.length);
      if (text !== "") this.#output.emit(argumentsDelta(item.block, text));
    }
    if (item.block !== undefined) this.#output.emit(blockEnded(item.block));
  }

  #endOwn(item: Item, given: Fields, event: Fields | undefined): void {
    if (item.block === undefined) this.#startOwn(item, given);
    else if (event !== undefined) this.#output.emit(formatDelta(item.block, event));
    if (item.block !== undefined) this.#output.emit(blockEnded(item.block));
  }

  #cite(citation: Parameters<typeof citationStarted>[2]): void {
    const block = this.#output.nextBlock();
    this.#output.emit(citationStarted(block, 0, citation));
    this.#output.emit(blockEnded(block));
  }
}

function newItem({ type }: Fields): Item {
  return {
    type: typeof type === "string" ? type : "",
    block: undefined,
    texts: new Map(),
    thought: undefined,
    thoughtPart: 0,
    hasText: false,
    hasCitations: false,
    done: false,
  };
}

/** Whether only this format has words for an item. */
function isOwn({ type }: Item): boolean {
  return type !== "message" && type !== "reasoning" && type !== "function_call";
}
