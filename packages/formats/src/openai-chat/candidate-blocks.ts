import {
  BlockKind,
  type CandidateFinish,
  type CitationPart,
  type TokenLogprobs,
} from "@penstock/api";
import { localFailure } from "../failure-to-error.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import {
  argumentsDelta,
  blockEnded,
  citationStarted,
  textDelta,
  textStarted,
  toolCallStarted,
} from "../streams/stream-events.ts";

/** A piece of a tool call as a delta tells it; empty text means "not said". */
export interface ToolCallPiece {
  index: number;
  id: string;
  name: string;
  arguments: string;
}

/** What a piece of a tool call turned out to be part of. */
export interface SeenCall {
  /** Which of the candidate's calls it is, from zero. */
  readonly ordinal: number;
  /** The id of the call; empty: not known yet. */
  readonly id: string;
  /** Whether the call became known with this piece. */
  readonly starts: boolean;
}

interface OpenCall {
  readonly ordinal: number;
  block: number;
  id: string;
  /** Arguments that came before the name. */
  early: string;
}

const notStarted = -1;

/**
 * The blocks of one candidate. Text, refusal and reasoning follow each other, so that a block of
 * one of them ends when something else begins; tool calls may grow side by side until the end.
 */
export class CandidateBlocks {
  readonly candidate: number;
  finish: CandidateFinish | undefined;
  readonly #output: AnswerOutput;
  #textBlock = notStarted;
  #textKind: BlockKind = BlockKind.UNSPECIFIED;
  readonly #calls = new Map<number, OpenCall>();
  #callCount = 0;

  constructor(candidate: number, output: AnswerOutput) {
    this.candidate = candidate;
    this.#output = output;
  }

  /** More text of a kind. */
  text(kind: BlockKind, text: string, logprobs?: TokenLogprobs): void {
    if (this.#textKind !== kind) {
      this.#endText();
      this.#textBlock = this.#output.nextBlock();
      this.#textKind = kind;
      this.#output.emit(textStarted(this.#textBlock, this.candidate, kind));
    }
    const event = textDelta(this.#textBlock, text);
    if (logprobs !== undefined && event.case === "blockDelta") event.value.logprobs = logprobs;
    this.#output.emit(event);
  }

  /** A citation. */
  citation(citation: CitationPart): void {
    const block = this.#output.nextBlock();
    this.#output.emit(citationStarted(block, this.candidate, citation));
    this.#output.emit(blockEnded(block));
  }

  /** A piece of a tool call: its beginning, more of its arguments, or both. */
  toolCall(piece: ToolCallPiece): SeenCall {
    let call = this.#calls.get(piece.index);
    // Some servers give every parallel call the same index and only another id.
    if (call !== undefined && piece.id !== "" && piece.id !== call.id && call.id !== "") {
      this.#endCall(call);
      call = undefined;
    }
    if (call === undefined) {
      this.#endText();
      call = { ordinal: this.#callCount++, block: notStarted, id: piece.id, early: "" };
      this.#calls.delete(piece.index);
      this.#calls.set(piece.index, call);
    }
    if (call.id === "") call.id = piece.id;
    this.#output.countArguments(piece.arguments.length);
    if (call.block !== notStarted) {
      if (piece.arguments !== "") this.#output.emit(argumentsDelta(call.block, piece.arguments));
      return { ordinal: call.ordinal, id: call.id, starts: false };
    }
    call.early += piece.arguments;
    if (piece.name !== "") this.#startCall(call, piece.name);
    return { ordinal: call.ordinal, id: call.id, starts: piece.name !== "" };
  }

  /** Whether a further piece with this index and id is one of a call that has started, in order. */
  continues(index: number, id: string): boolean {
    const call = this.#calls.get(index);
    if (call === undefined || call.block === notStarted || call.ordinal !== index) return false;
    return id === "" || id === call.id;
  }

  /** The candidate is complete: all its blocks end. */
  end(): void {
    this.#endText();
    for (const call of this.#calls.values()) this.#endCall(call);
    this.#calls.clear();
  }

  #startCall(call: OpenCall, name: string): void {
    call.block = this.#output.nextBlock();
    if (call.id === "") call.id = `call_${call.block}`;
    this.#output.emit(toolCallStarted(call.block, this.candidate, { id: call.id, name }));
    if (call.early !== "") this.#output.emit(argumentsDelta(call.block, call.early));
    call.early = "";
  }

  #endCall(call: OpenCall): void {
    if (call.block === notStarted) throw localFailure("MALFORMED", "a tool call has no name");
    this.#output.emit(blockEnded(call.block));
  }

  #endText(): void {
    if (this.#textBlock === notStarted) return;
    this.#output.emit(blockEnded(this.#textBlock));
    this.#textBlock = notStarted;
    this.#textKind = BlockKind.UNSPECIFIED;
  }
}
