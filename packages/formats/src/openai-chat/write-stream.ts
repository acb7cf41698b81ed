import {
  BlockKind,
  type BlockDelta,
  type BlockEnded,
  type BlockStarted,
  type TokenUsage,
} from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, StreamEvent, StreamWriter } from "../format.ts";
import { writeLogprobs } from "../logprobs.ts";
import { writeCallSignature } from "./call-signature.ts";
import { writeFinishReason } from "./finish-reason.ts";
import { writeCitation } from "./read-citation.ts";
import { answerId } from "./write-response.ts";
import { writeUsage } from "./usage.ts";

/** Makes the writer of one stream. */
export function createStreamWriter(
  identity: AnswerIdentity,
  options: { includeUsage: boolean },
): StreamWriter {
  return new ChatStreamWriter(identity, options.includeUsage);
}

interface Block {
  candidate: number;
  isRefusal: boolean;
  /** Number of the tool call; undefined: it is text. */
  tool?: number;
  /** Text up to the value of a delta, and from behind it to the end of the event. */
  before: string;
  after: string;
}

/**
 * Writes chunks. What is the same in every chunk is made once per stream, what is the same in
 * every delta of a block once per block, so that a delta costs one `JSON.stringify` of its text.
 */
class ChatStreamWriter implements StreamWriter {
  readonly #head: string;
  readonly #tail: string;
  readonly #includeUsage: boolean;
  readonly #blocks: (Block | undefined)[] = [];
  readonly #toolCounts: number[] = [];
  readonly #begun: boolean[] = [];

  constructor(identity: AnswerIdentity, includeUsage: boolean) {
    const same = JSON.stringify({
      id: answerId(identity),
      object: "chat.completion.chunk",
      created: identity.createdSeconds,
      model: identity.model,
    });
    this.#head = `data: ${same.slice(0, -1)},"choices":[`;
    // Who asked for usage gets the member in every chunk, null until the last.
    this.#tail = includeUsage ? `],"usage":null}\n\n` : `]}\n\n`;
    this.#includeUsage = includeUsage;
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
    let text = "";
    for (const { candidate, reason } of end.candidates) {
      text += this.#begin(candidate);
      const last = this.#chunk(candidate, "{}", JSON.stringify(writeFinishReason(reason)));
      text += end.serviceTier === undefined ? last : withTier(last, end.serviceTier);
    }
    if (this.#includeUsage) {
      text += `${this.#head}],"usage":${JSON.stringify(writeUsage(usage))}}\n\n`;
    }
    if (end.report !== undefined) {
      text += `${this.#head}],"penstock":${JSON.stringify(end.report)}}\n\n`;
    }
    return `${text}data: [DONE]\n\n`;
  }

  #delta({ index, delta, logprobs }: BlockDelta): string {
    const block = this.#blocks[index];
    if (block === undefined) return "";
    if (delta.case !== "text" && delta.case !== "argumentsJson") return "";
    const text = block.before + JSON.stringify(delta.value);
    if (logprobs === undefined) return text + block.after;
    const known = block.isRefusal
      ? { content: null, refusal: writeLogprobs(logprobs) }
      : { content: writeLogprobs(logprobs), refusal: null };
    return `${text}},"logprobs":${JSON.stringify(known)}${block.after.slice(1)}`;
  }

  #started(started: BlockStarted): string {
    const { candidate, index } = started;
    const begin = this.#begin(candidate);
    switch (started.kind) {
      case BlockKind.TEXT:
        this.#blocks[index] = this.#textBlock(candidate, "content");
        return begin;
      case BlockKind.REFUSAL:
        this.#blocks[index] = this.#textBlock(candidate, "refusal");
        return begin;
      case BlockKind.REASONING:
        this.#blocks[index] = this.#textBlock(candidate, "reasoning_content");
        return begin;
      case BlockKind.TOOL_CALL:
        return begin + this.#toolCall(started);
      case BlockKind.CITATION: {
        if (started.citation === undefined) return begin;
        const annotations = [writeCitation(started.citation)];
        return begin + this.#chunk(candidate, JSON.stringify({ annotations }), "null");
      }
      default:
        return begin;
    }
  }

  /** The first chunk of a candidate names the role. */
  #begin(candidate: number): string {
    if (this.#begun[candidate] === true) return "";
    this.#begun[candidate] = true;
    return this.#chunk(candidate, `{"role":"assistant","content":""}`, "null");
  }

  #textBlock(candidate: number, field: string): Block {
    return {
      candidate,
      isRefusal: field === "refusal",
      before: `${this.#head}{"index":${candidate},"delta":{"${field}":`,
      after: `},"finish_reason":null}${this.#tail}`,
    };
  }

  #toolCall({ candidate, index, toolCallId, toolName }: BlockStarted): string {
    const tool = this.#toolCounts[candidate] ?? 0;
    this.#toolCounts[candidate] = tool + 1;
    const list = `{"index":${candidate},"delta":{"tool_calls":[{"index":${tool},"function":{`;
    this.#blocks[index] = {
      candidate,
      isRefusal: false,
      tool,
      before: `${this.#head}${list}"arguments":`,
      after: `}}]},"finish_reason":null}${this.#tail}`,
    };
    const call = {
      index: tool,
      id: toolCallId,
      type: "function",
      function: { name: toolName, arguments: "" },
    };
    return this.#chunk(candidate, JSON.stringify({ tool_calls: [call] }), "null");
  }

  /** The proof behind a call comes with its end; all else was said by then. */
  #ended(ended: BlockEnded): string {
    const { tool, candidate } = this.#blocks[ended.index] ?? {};
    const extra = tool === undefined ? undefined : writeCallSignature(ended);
    if (extra === undefined || candidate === undefined) return "";
    const call = { index: tool, function: { arguments: "" }, extra_content: extra };
    return this.#chunk(candidate, JSON.stringify({ tool_calls: [call] }), "null");
  }

  #chunk(candidate: number, delta: string, finishReason: string): string {
    const choice = `{"index":${candidate},"delta":${delta},"finish_reason":${finishReason}}`;
    return this.#head + choice + this.#tail;
  }
}

/** A chunk with the tier as its last member. */
function withTier(chunk: string, tier: string): string {
  return `${chunk.slice(0, -"}\n\n".length)},"service_tier":${JSON.stringify(tier)}}\n\n`;
}
