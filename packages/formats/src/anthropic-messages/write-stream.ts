import { BlockKind, type BlockDelta, type BlockStarted, type TokenUsage } from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, StreamEvent, StreamWriter } from "../format.ts";
import { writeCitation } from "./citations.ts";
import { ownContent } from "./own-words.ts";
import { writeFinish } from "./stop-reason.ts";
import { WrittenBlock } from "./written-block.ts";
import { answerId, ownSignatureOf } from "./write-response.ts";
import { writeUsage } from "./usage.ts";

/** Makes the writer of one stream. Usage is always told, as the format has it. */
export function createStreamWriter(identity: AnswerIdentity): StreamWriter {
  return new MessagesStreamWriter(identity);
}

/** One event of a stream. */
function event(name: string, fields: Readonly<Record<string, unknown>>): string {
  return `event: ${name}\ndata: ${JSON.stringify({ type: name, ...fields })}\n\n`;
}

/**
 * Writes a message block by block. Clients expect one block after the other, so that what belongs
 * to a later block waits until the ones before it have ended. The stop of a block is written when
 * the next one begins: citations of a text may still come until then.
 */
class MessagesStreamWriter implements StreamWriter {
  readonly #identity: AnswerIdentity;
  /** By their number in the canonical stream. */
  readonly #blocks: (WrittenBlock | undefined)[] = [];
  /** Those whose stop was not written, in order; the first is live. */
  readonly #queue: WrittenBlock[] = [];
  #count = 0;
  #begun = false;
  #refused = false;

  constructor(identity: AnswerIdentity) {
    this.#identity = identity;
  }

  event(streamEvent: StreamEvent): string {
    switch (streamEvent.case) {
      case "blockDelta":
        return this.#delta(streamEvent.value);
      case "blockStarted":
        // The format has one answer.
        return streamEvent.value.candidate === 0 ? this.#started(streamEvent.value) : "";
      case "blockEnded": {
        const block = this.#blocks[streamEvent.value.index];
        if (block === undefined) return "";
        block.end(ownSignatureOf(streamEvent.value));
        return this.#advance();
      }
      default:
        return "";
    }
  }

  finish(end: AnswerEnd, usage: TokenUsage): string {
    let text = this.#begin();
    for (const block of this.#queue) text += block.take() + block.stop();
    text += event("message_delta", {
      delta: writeFinish(end.candidates[0], this.#refused),
      usage: writeUsage(usage, end.rawUsage),
      penstock: end.report,
    });
    return text + event("message_stop", {});
  }

  #begin(): string {
    if (this.#begun) return "";
    this.#begun = true;
    return event("message_start", {
      message: {
        id: answerId(this.#identity),
        type: "message",
        role: "assistant",
        model: this.#identity.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        // Known at the end: the last event tells the whole usage.
        usage: writeUsage(undefined, undefined),
      },
    });
  }

  #started(started: BlockStarted): string {
    const begin = this.#begin();
    if (started.kind === BlockKind.CITATION) return begin + this.#cite(started);
    const opening = openingOf(started);
    if (opening === undefined) return begin;
    this.#refused ||= started.kind === BlockKind.REFUSAL;
    this.#blocks[started.index] = this.#open(started.kind, opening);
    return begin + this.#advance();
  }

  #open(kind: BlockKind, opening: Record<string, unknown>): WrittenBlock {
    const block = new WrittenBlock(this.#count, kind, opening);
    this.#count += 1;
    this.#queue.push(block);
    return block;
  }

  #delta({ index, delta }: BlockDelta): string {
    const block = this.#blocks[index];
    if (block === undefined) return "";
    block.grow(delta);
    return block === this.#queue[0] ? block.take() : "";
  }

  /** A citation belongs to the last text; where there is none, to an empty one. */
  #cite({ citation }: BlockStarted): string {
    const written = citation && writeCitation(citation);
    if (written === undefined) return "";
    let block = this.#queue.findLast(({ kind }) => kind === BlockKind.TEXT);
    if (block === undefined) {
      block = this.#open(BlockKind.TEXT, { type: "text", text: "" });
      block.end("");
    }
    block.cite(written);
    return this.#advance();
  }

  /** Writes what the live block has, and goes on to the next one where it has ended. */
  #advance(): string {
    let text = "";
    for (;;) {
      const live = this.#queue[0];
      if (live === undefined) return text;
      text += live.take();
      if (!live.ended || this.#queue.length === 1) return text;
      text += live.stop();
      this.#queue.shift();
    }
  }
}

/** The block as it begins; undefined where the format has no words for it. */
function openingOf(started: BlockStarted): Record<string, unknown> | undefined {
  switch (started.kind) {
    case BlockKind.TEXT:
    case BlockKind.REFUSAL:
      return { type: "text", text: "" };
    case BlockKind.REASONING:
      // The data of what is not shown stands where it begins, and is known when it ends.
      if (started.redacted === true) return { type: "redacted_thinking" };
      return { type: "thinking", thinking: "", signature: "" };
    case BlockKind.TOOL_CALL:
      return { type: "tool_use", id: started.toolCallId, name: started.toolName, input: {} };
    case BlockKind.FORMAT:
      return ownContent(started.formatPart);
    default:
      return undefined;
  }
}
