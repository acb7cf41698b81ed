import {
  BlockKind,
  type BlockDelta,
  type BlockEnded,
  type BlockStarted,
  type CitationPart,
  type TokenLogprobs,
  type TokenUsage,
} from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, StreamEvent, StreamWriter } from "../format.ts";
import { writeCitations } from "./citations.ts";
import { writeFinishReason } from "./finish-reason.ts";
import { writeLogprobsResult } from "./logprobs-result.ts";
import { ownContent } from "./own-words.ts";
import { writeUsage } from "./usage.ts";
import { MalformedCall, ownProof, writeCall } from "./write-answer-part.ts";
import { answerId } from "./write-response.ts";

/** Makes the writer of one stream. Every event is a response of its own; usage comes with the last. */
export function createStreamWriter(identity: AnswerIdentity): StreamWriter {
  return new GenerateContentWriter(identity);
}

interface Block {
  candidate: number;
  kind: BlockKind;
  toolCallId: string;
  toolName: string;
  mediaType: string;
  /** Arguments so far: a call goes out whole. */
  arguments: string;
  data: Uint8Array[];
}

interface CandidateState {
  text: string;
  citations: CitationPart[];
  malformed: string | undefined;
}

class GenerateContentWriter implements StreamWriter {
  readonly #tail: string;
  readonly #blocks = new Map<number, Block>();
  readonly #candidates: (CandidateState | undefined)[] = [];

  constructor(identity: AnswerIdentity) {
    const same = JSON.stringify({ modelVersion: identity.model, responseId: answerId(identity) });
    this.#tail = `,${same.slice(1)}\r\n\r\n`;
  }

  event(event: StreamEvent): string {
    switch (event.case) {
      case "blockStarted":
        return this.#started(event.value);
      case "blockDelta":
        return this.#delta(event.value);
      case "blockEnded":
        return this.#ended(event.value);
      default:
        return "";
    }
  }

  finish(end: AnswerEnd, usage: TokenUsage): string {
    const candidates = end.candidates.map(({ candidate, reason }) => {
      const { citations, text, malformed } = this.#state(candidate);
      return {
        content: { parts: [], role: "model" },
        finishReason:
          malformed === undefined ? writeFinishReason(reason) : "MALFORMED_FUNCTION_CALL",
        finishMessage: malformed,
        index: candidate,
        citationMetadata: writeCitations(citations, text),
      };
    });
    return this.#response({ candidates, usageMetadata: writeUsage(usage) });
  }

  #started(started: BlockStarted): string {
    const { index, candidate, kind, toolCallId, toolName, citation, media } = started;
    const own = ownContent(started.formatPart);
    if (own !== undefined) return this.#part(candidate, own);
    if (citation !== undefined) this.#state(candidate).citations.push(citation);
    const mediaType = media?.mediaType ?? "";
    const empty = { arguments: "", data: [] };
    this.#blocks.set(index, { candidate, kind, toolCallId, toolName, mediaType, ...empty });
    return "";
  }

  #delta({ index, delta, logprobs }: BlockDelta): string {
    const block = this.#blocks.get(index);
    if (block === undefined) return "";
    switch (delta.case) {
      case "text":
        if (block.kind === BlockKind.REASONING) {
          return this.#part(block.candidate, { text: delta.value, thought: true });
        }
        this.#state(block.candidate).text += delta.value;
        return this.#part(block.candidate, { text: delta.value }, logprobs);
      case "argumentsJson":
        block.arguments += delta.value;
        return "";
      case "data":
        block.data.push(delta.value);
        return "";
      default:
        return "";
    }
  }

  #ended(ended: BlockEnded): string {
    const block = this.#blocks.get(ended.index);
    if (block === undefined) return "";
    this.#blocks.delete(ended.index);
    const { candidate, kind } = block;
    const thoughtSignature = ownProof(ended);
    switch (kind) {
      case BlockKind.TOOL_CALL:
        return this.#call(block, thoughtSignature);
      case BlockKind.MEDIA: {
        const data = joinBytes(block.data).toBase64();
        return this.#part(candidate, { inlineData: { mimeType: block.mediaType, data } });
      }
      case BlockKind.REASONING:
        if (thoughtSignature === undefined) return "";
        return this.#part(candidate, { text: "", thought: true, thoughtSignature });
      default:
        return "";
    }
  }

  #call(block: Block, thoughtSignature: string | undefined): string {
    const { candidate, toolCallId, toolName } = block;
    try {
      const call = writeCall(toolCallId, toolName, block.arguments);
      return this.#part(candidate, { ...call, thoughtSignature });
    } catch (error) {
      if (!(error instanceof MalformedCall)) throw error;
      this.#state(candidate).malformed = error.message;
      return "";
    }
  }

  #state(candidate: number): CandidateState {
    const empty = { text: "", citations: [], malformed: undefined };
    return (this.#candidates[candidate] ??= empty);
  }

  #part(index: number, part: Record<string, unknown>, logprobs?: TokenLogprobs): string {
    const logprobsResult = logprobs && writeLogprobsResult([logprobs]);
    const content = { parts: [part], role: "model" };
    return this.#response({ candidates: [{ content, index, logprobsResult }] });
  }

  #response(fields: Record<string, unknown>): string {
    return `data: ${JSON.stringify(fields).slice(0, -1)}${this.#tail}`;
  }
}

function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
