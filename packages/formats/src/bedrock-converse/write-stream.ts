import { BlockKind, type BlockDelta, type BlockEnded, type BlockStarted } from "@penstock/api";
import type { TokenUsage } from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, StreamEvent, StreamWriter } from "../format.ts";
import { writeCitation } from "./content-parts.ts";
import { writeFrame } from "./event-frames.ts";
import { latin1Of } from "./latin1.ts";
import { mediaKindOf } from "./media-kinds.ts";
import { writeStopReason } from "./stop-reason.ts";
import { writeServiceTier } from "./write-response.ts";
import { writeUsage } from "./usage.ts";

const encoder = new TextEncoder();

/** Makes the writer of one stream; its texts have one character for each byte (Latin-1). */
export function createStreamWriter(
  _identity: AnswerIdentity,
  _options: { includeUsage: boolean },
): StreamWriter {
  return new ConverseStreamWriter();
}

/** One frame of a message that is no exception. */
export function writeEvent(name: string, payload: Record<string, unknown>): string {
  return writeMessage({ ":event-type": name, ":message-type": "event" }, payload);
}

/** One frame that ends a stream by an error. */
export function writeException(name: string, message: string): string {
  return writeMessage({ ":exception-type": name, ":message-type": "exception" }, { message });
}

function writeMessage(headers: Record<string, string>, payload: Record<string, unknown>): string {
  const all = { ...headers, ":content-type": "application/json" };
  return latin1Of(writeFrame(all, encoder.encode(JSON.stringify(payload))));
}

class ConverseStreamWriter implements StreamWriter {
  readonly #kinds = new Map<number, BlockKind>();
  readonly #redacted = new Set<number>();
  #begun = false;

  event(event: StreamEvent): string {
    switch (event.case) {
      case "blockStarted":
        return this.#begin() + this.#started(event.value);
      case "blockDelta":
        return this.#delta(event.value);
      case "blockEnded":
        return this.#ended(event.value);
      default:
        return "";
    }
  }

  finish(end: AnswerEnd, usage: TokenUsage): string {
    const [finish] = end.candidates;
    const stop = writeEvent("messageStop", {
      stopReason: finish === undefined ? "end_turn" : writeStopReason(finish.reason),
      additionalModelResponseFields: finish?.details,
    });
    const metadata = { usage: writeUsage(usage), serviceTier: writeServiceTier(end) };
    return this.#begin() + stop + writeEvent("metadata", metadata);
  }

  #begin(): string {
    if (this.#begun) return "";
    this.#begun = true;
    return writeEvent("messageStart", { role: "assistant" });
  }

  #started(block: BlockStarted): string {
    const { index, kind, candidate } = block;
    // The format knows one answer.
    if (candidate !== 0) return "";
    this.#kinds.set(index, kind);
    switch (kind) {
      case BlockKind.TOOL_CALL: {
        const toolUse = { toolUseId: block.toolCallId, name: block.toolName };
        return this.#start(index, { toolUse });
      }
      case BlockKind.MEDIA: {
        const media = mediaKindOf(block.media?.mediaType ?? "", "");
        if (media?.block === "image")
          return this.#start(index, { image: { format: media.format } });
        this.#kinds.delete(index);
        return "";
      }
      case BlockKind.CITATION:
        if (block.citation === undefined) return "";
        return this.#write(index, { citation: writeCitation(block.citation) });
      case BlockKind.FORMAT: {
        const { formatPart } = block;
        if (formatPart?.format === "bedrock-converse")
          return this.#start(index, { ...formatPart.content });
        this.#kinds.delete(index);
        return "";
      }
      default:
        if (block.redacted === true) this.#redacted.add(index);
        return "";
    }
  }

  #delta({ index, delta }: BlockDelta): string {
    const kind = this.#kinds.get(index);
    if (kind === undefined) return "";
    switch (delta.case) {
      case "text": {
        const text = delta.value;
        return this.#write(
          index,
          kind === BlockKind.REASONING ? { reasoningContent: { text } } : { text },
        );
      }
      case "argumentsJson":
        return this.#write(index, { toolUse: { input: delta.value } });
      case "data":
        return this.#write(index, { image: { source: { bytes: delta.value.toBase64() } } });
      case "formatDelta":
        return this.#write(index, { ...delta.value });
      default:
        return "";
    }
  }

  #ended({ index, signature }: BlockEnded): string {
    const kind = this.#kinds.get(index);
    if (!this.#kinds.delete(index)) return "";
    let text = "";
    // Proofs of tool calls are made by others.
    if (signature !== undefined && kind === BlockKind.REASONING) {
      const reasoningContent = this.#redacted.has(index)
        ? { redactedContent: signature }
        : { signature };
      text = this.#write(index, { reasoningContent });
    }
    return text + writeEvent("contentBlockStop", { contentBlockIndex: index });
  }

  #start(index: number, start: Record<string, unknown>): string {
    return writeEvent("contentBlockStart", { start, contentBlockIndex: index });
  }

  #write(index: number, delta: Record<string, unknown>): string {
    return writeEvent("contentBlockDelta", { delta, contentBlockIndex: index });
  }
}
