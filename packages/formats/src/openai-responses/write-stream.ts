import { BlockKind, type BlockDelta, type BlockEnded, type BlockStarted } from "@penstock/api";
import type { TokenUsage } from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, StreamEvent, StreamWriter } from "../format.ts";
import { EventWriter } from "./event-writer.ts";
import { formatName } from "./format-part.ts";
import { writeStatus } from "./finish-reason.ts";
import { CallItem } from "./call-item.ts";
import { CalledToolItem } from "./called-tool-item.ts";
import { ImageItem } from "./image-item.ts";
import { MessageItem } from "./message-item.ts";
import { OwnItem } from "./own-item.ts";
import type { StreamItem } from "./stream-item.ts";
import { ThoughtItem } from "./thought-item.ts";
import { writeEnvelope, writeFinished } from "./write-response.ts";

/** Makes the writer of one stream. */
export function createStreamWriter(identity: AnswerIdentity): StreamWriter {
  return new ResponsesStreamWriter(identity);
}

/**
 * Writes the events of a stream. Texts that follow each other are one message, so that its item
 * stays open until something else begins: citations may follow behind their text.
 */
class ResponsesStreamWriter implements StreamWriter {
  readonly #identity: AnswerIdentity;
  readonly #events: EventWriter;
  readonly #blocks: (StreamItem | undefined)[] = [];
  #message: MessageItem | undefined;

  constructor(identity: AnswerIdentity) {
    this.#identity = identity;
    this.#events = new EventWriter(identity);
  }

  event(event: StreamEvent): string {
    switch (event.case) {
      case "blockDelta":
        return this.#delta(event.value);
      case "blockStarted":
        return this.#started(event.value);
      case "blockEnded":
        return this.#ended(event.value);
      default:
        return "";
    }
  }

  finish(end: AnswerEnd, usage: TokenUsage): string {
    const begin = this.#begin();
    const closed = this.#closeMessage();
    const { status } = writeStatus(end.candidates[0]);
    const output = this.#events.output;
    const response = writeFinished(this.#identity, { end, output, usage });
    return begin + closed + this.#events.write(`response.${status}`, { response });
  }

  #begin(): string {
    if (this.#events.begun) return "";
    const response = writeEnvelope(this.#identity);
    return (
      this.#events.write("response.created", { response }) +
      this.#events.write("response.in_progress", { response })
    );
  }

  #delta({ index, delta, logprobs }: BlockDelta): string {
    return this.#blocks[index]?.delta(delta, logprobs) ?? "";
  }

  #started(started: BlockStarted): string {
    const begin = this.#begin();
    // The format has one answer.
    if (started.candidate !== 0) return begin;
    if (started.kind === BlockKind.CITATION) {
      const { citation } = started;
      return begin + (citation === undefined ? "" : (this.#message?.cite(citation) ?? ""));
    }
    const isText = started.kind === BlockKind.TEXT || started.kind === BlockKind.REFUSAL;
    if (isText) return begin + this.#startText(started);
    const closed = this.#closeMessage();
    const item = this.#newItem(started);
    this.#blocks[started.index] = item;
    return begin + closed + (item?.start() ?? "");
  }

  #startText({ index, kind }: BlockStarted): string {
    let text = "";
    // Two texts at once are two messages.
    if (this.#message?.isOpen === true) text += this.#closeMessage();
    if (this.#message === undefined) {
      this.#message = new MessageItem(this.#events);
      text += this.#message.start();
    }
    this.#blocks[index] = this.#message;
    return text + this.#message.startPart(kind === BlockKind.REFUSAL);
  }

  #newItem(started: BlockStarted): StreamItem | undefined {
    switch (started.kind) {
      case BlockKind.REASONING:
        return new ThoughtItem(this.#events, started);
      case BlockKind.TOOL_CALL: {
        const form = this.#identity.callForms?.get(started.toolName);
        return form === undefined
          ? new CallItem(this.#events, started)
          : new CalledToolItem(this.#events, started, form);
      }
      case BlockKind.MEDIA:
        return new ImageItem(this.#events);
      case BlockKind.FORMAT:
        // What another format alone has words for has none here.
        if (started.formatPart?.format !== formatName) return undefined;
        return new OwnItem(this.#events, started.formatPart.content ?? {});
      default:
        return undefined;
    }
  }

  #ended(ended: BlockEnded): string {
    const item = this.#blocks[ended.index];
    this.#blocks[ended.index] = undefined;
    return item?.end(ended) ?? "";
  }

  /** The message is over; one whose text still grows ends with it. */
  #closeMessage(): string {
    const message = this.#message;
    this.#message = undefined;
    return message?.close() ?? "";
  }
}
