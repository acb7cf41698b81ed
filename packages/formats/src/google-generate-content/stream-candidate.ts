import { BlockKind, type CandidateFinish, type TokenLogprobs } from "@penstock/api";
import {
  argumentsDelta,
  blockEnded,
  citationStarted,
  textDelta,
  textStarted,
  toolCallStarted,
} from "../streams/stream-events.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import type { AnswerPart } from "./answer-part.ts";
import { readCitations } from "./citations.ts";
import { newFinish, thoughtItAway } from "./finish-reason.ts";
import { formatName } from "./format-name.ts";
import { ownWords } from "./own-words.ts";

const none = -1;

/** The blocks of one candidate, one after the other: calls and media come whole in this format. */
export class StreamCandidate {
  readonly number: number;
  /** The last `finishReason`; empty until one came. */
  rawReason = "";
  #isFinal = false;
  #wentOn = false;
  /** Probabilities of the text of this chunk, for the delta that takes them. */
  nextLogprobs: TokenLogprobs | undefined;
  citationMetadata: unknown;
  groundingMetadata: unknown;
  readonly #output: AnswerOutput;
  #block = none;
  #kind: BlockKind = BlockKind.UNSPECIFIED;
  #text = "";
  #calls = false;

  constructor(number: number, output: AnswerOutput) {
    this.number = number;
    this.#output = output;
  }

  /**
   * Whether nothing more is to come: its reason came behind chunks without one, as some servers
   * give one with every chunk.
   */
  get isFinal(): boolean {
    return this.#isFinal;
  }

  /** A chunk of it was read; `reason`: its finish reason, if it has one. */
  finished(reason: string | undefined): void {
    this.#isFinal = reason !== undefined && this.#wentOn;
    if (reason === undefined) this.#wentOn = true;
    else this.rawReason = reason;
  }

  /** Takes one part of an answer. */
  part(part: AnswerPart): void {
    switch (part.kind) {
      case "text":
        this.piece(BlockKind.TEXT, part.text);
        if (part.signature !== undefined) this.#proof(part.signature);
        return;
      case "thought":
        this.piece(BlockKind.REASONING, part.text);
        if (part.signature === undefined) return;
        if (this.#kind === BlockKind.REASONING) this.#end(part.signature);
        else this.#proof(part.signature);
        return;
      case "call":
        this.#call(part);
        return;
      case "media":
        this.#media(part);
        return;
      case "own":
        if (part.name !== "") this.#own(part.fields);
        return;
    }
  }

  /** Takes one piece of text or thought. */
  piece(kind: BlockKind, text: string): void {
    if (text === "") return;
    if (kind === BlockKind.TEXT) this.#text += text;
    this.#grow(kind, text);
  }

  /** Ends what is open, tells the sources, and says how it ended. */
  end(warnings: Set<string>): CandidateFinish {
    this.#end();
    for (const citation of readCitations(this, this.#text)) {
      const block = this.#output.nextBlock();
      this.#output.emit(citationStarted(block, this.number, citation));
      this.#output.emit(blockEnded(block));
    }
    if (this.rawReason === "MAX_TOKENS" && this.#text === "" && !this.#calls) {
      warnings.add(thoughtItAway);
    }
    return newFinish(this.number, this.rawReason, this.#calls);
  }

  #grow(kind: BlockKind, text: string): void {
    if (this.#kind !== kind) {
      this.#end();
      this.#block = this.#output.nextBlock();
      this.#kind = kind;
      this.#output.emit(textStarted(this.#block, this.number, kind));
    }
    const delta = textDelta(this.#block, text);
    if (kind === BlockKind.TEXT && delta.case === "blockDelta" && this.nextLogprobs !== undefined) {
      delta.value.logprobs = this.nextLogprobs;
      this.nextLogprobs = undefined;
    }
    this.#output.emit(delta);
  }

  /** A proof of what came before, as a block of its own. */
  #proof(signature: string): void {
    this.#end();
    this.#block = this.#output.nextBlock();
    this.#kind = BlockKind.REASONING;
    this.#output.emit(textStarted(this.#block, this.number, BlockKind.REASONING));
    this.#end(signature);
  }

  #call(call: Extract<AnswerPart, { kind: "call" }>): void {
    this.#end();
    this.#calls = true;
    this.#output.countArguments(call.argumentsJson.length);
    this.#block = this.#output.nextBlock();
    this.#output.emit(toolCallStarted(this.#block, this.number, call));
    this.#output.emit(argumentsDelta(this.#block, call.argumentsJson));
    this.#end(call.signature);
  }

  #media({ mediaType, data, signature }: Extract<AnswerPart, { kind: "media" }>): void {
    this.#end();
    const index = this.#output.nextBlock();
    const started = textStarted(index, this.number, BlockKind.MEDIA);
    if (started.case === "blockStarted") {
      started.value.media = {
        $typeName: "penstock.inference.v1.MediaPart",
        mediaType,
        source: { case: undefined },
      };
    }
    this.#output.emit(started);
    this.#output.emit({
      case: "blockDelta",
      value: {
        $typeName: "penstock.inference.v1.BlockDelta",
        index,
        delta: { case: "data", value: data },
      },
    });
    this.#output.emit(blockEnded(index));
    if (signature !== undefined) this.#proof(signature);
  }

  /** What only this format has words for. */
  #own(fields: Record<string, unknown>): void {
    this.#end();
    const index = this.#output.nextBlock();
    const started = textStarted(index, this.number, BlockKind.FORMAT);
    if (started.case === "blockStarted") started.value.formatPart = ownWords(fields);
    this.#output.emit(started);
    this.#output.emit(blockEnded(index));
  }

  #end(signature?: string): void {
    if (this.#block === none) return;
    const ended = blockEnded(this.#block);
    if (signature !== undefined && ended.case === "blockEnded") {
      ended.value.signature = signature;
      ended.value.signatureIssuer = formatName;
    }
    this.#output.emit(ended);
    this.#block = none;
    this.#kind = BlockKind.UNSPECIFIED;
  }
}
