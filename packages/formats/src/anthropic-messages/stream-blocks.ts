import { BlockKind, type BlockStarted, type CitationPart } from "@penstock/api";
import { localFailure } from "../failure-to-error.ts";
import type { JsonObject, StreamEvent } from "../format.ts";
import {
  argumentsDelta,
  citationStarted,
  textDelta,
  textStarted,
  toolCallStarted,
} from "../streams/stream-events.ts";
import { isJsonObject } from "../read-json.ts";
import { readCitation, readCitations } from "./citations.ts";
import type { HeldBlocks } from "./held-blocks.ts";
import { formatName, formatPart } from "./own-words.ts";
import { shortText } from "./read-response.ts";

interface OpenBlock {
  readonly number: number;
  readonly kind: BlockKind;
  signature: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The content blocks of one message, from `content_block_start` to `content_block_stop`. */
export class StreamBlocks {
  readonly #output: HeldBlocks;
  readonly #open = new Map<unknown, OpenBlock>();

  constructor(output: HeldBlocks) {
    this.#output = output;
  }

  /** A block begins. Throws UPSTREAM_MALFORMED where its number is taken. */
  start(index: unknown, block: Fields): void {
    if (this.#open.has(index)) throw localFailure("MALFORMED", "a block began twice");
    const number = this.#output.output.nextBlock();
    const kind = kindOf(block["type"]);
    const open: OpenBlock = { number, kind, signature: "" };
    this.#open.set(index, open);
    switch (kind) {
      case BlockKind.TEXT:
        this.#output.emit(textStarted(number, 0, kind), false);
        this.#text(open, block["text"]);
        for (const citation of readCitations(block["citations"])) this.#cite(citation);
        return;
      case BlockKind.REASONING:
        this.#startThinking(open, block);
        return;
      case BlockKind.TOOL_CALL:
        this.#startToolUse(open, block);
        return;
      default:
        this.#output.emit(formatStarted(number, block), true);
    }
  }

  /** A block grows. What is not known of a known kind is left out, as the format may grow. */
  delta(index: unknown, delta: Fields): void {
    const open = this.#open.get(index);
    if (open === undefined) throw localFailure("MALFORMED", "a delta of no block");
    if (open.kind === BlockKind.FORMAT) {
      this.#output.emit(formatDelta(open.number, delta as JsonObject), true);
      return;
    }
    switch (delta["type"]) {
      case "text_delta":
        if (open.kind === BlockKind.TEXT) this.#text(open, delta["text"]);
        return;
      case "thinking_delta":
        if (open.kind === BlockKind.REASONING) this.#text(open, delta["thinking"]);
        return;
      case "signature_delta":
        open.signature += typeof delta["signature"] === "string" ? delta["signature"] : "";
        return;
      case "input_json_delta":
        if (open.kind === BlockKind.TOOL_CALL) this.#arguments(open, delta["partial_json"]);
        return;
      case "citations_delta": {
        const citation = readCitation(delta["citation"]);
        if (citation !== undefined) this.#cite(citation);
        return;
      }
      default:
        return;
    }
  }

  /** A block of a kind grows by a piece; false: there is none such, and nothing was done. */
  grow(index: unknown, kind: BlockKind, text: string): boolean {
    const open = this.#open.get(index);
    if (open?.kind !== kind) return false;
    if (kind === BlockKind.TOOL_CALL) this.#arguments(open, text);
    else this.#text(open, text);
    return true;
  }

  /** A block is complete. */
  stop(index: unknown): void {
    const open = this.#open.get(index);
    if (open === undefined) return;
    this.#open.delete(index);
    // A call without arguments is complete all the same; empty text or thought is nothing yet.
    const content = open.kind === BlockKind.TOOL_CALL || open.signature !== "";
    this.#output.emit(ended(open), content);
  }

  /** The message is complete: what is still open ends with it. */
  end(): void {
    for (const index of this.#open.keys()) this.stop(index);
  }

  #startThinking(open: OpenBlock, block: Fields): void {
    const redacted = block["type"] === "redacted_thinking";
    const signature = redacted ? block["data"] : block["signature"];
    open.signature = typeof signature === "string" ? signature : "";
    const started = textStarted(open.number, 0, BlockKind.REASONING);
    if (redacted && started.case === "blockStarted") started.value.redacted = true;
    this.#output.emit(started, redacted);
    if (!redacted) this.#text(open, block["thinking"]);
  }

  #startToolUse(open: OpenBlock, block: Fields): void {
    const name = shortText(block["name"]);
    if (name === "") throw localFailure("MALFORMED", "a tool call has no name");
    const id = shortText(block["id"]) || `toolu_${open.number}`;
    this.#output.emit(toolCallStarted(open.number, 0, { id, name }), false);
    const { input } = block;
    // Some servers give the whole input at once.
    if (!isJsonObject(input) || Object.keys(input).length === 0) return;
    this.#arguments(open, JSON.stringify(input));
  }

  #text(open: OpenBlock, text: unknown): void {
    if (typeof text !== "string" || text === "") return;
    this.#output.emit(textDelta(open.number, text), true);
  }

  #arguments(open: OpenBlock, text: unknown): void {
    if (typeof text !== "string" || text === "") return;
    this.#output.output.countArguments(text.length);
    this.#output.emit(argumentsDelta(open.number, text), true);
  }

  #cite(citation: CitationPart): void {
    const number = this.#output.output.nextBlock();
    this.#output.emit(citationStarted(number, 0, citation), true);
    this.#output.emit(ended({ number, kind: BlockKind.CITATION, signature: "" }), true);
  }
}

function kindOf(type: unknown): BlockKind {
  switch (type) {
    case "text":
      return BlockKind.TEXT;
    case "thinking":
    case "redacted_thinking":
      return BlockKind.REASONING;
    case "tool_use":
      return BlockKind.TOOL_CALL;
    default:
      return BlockKind.FORMAT;
  }
}

function ended({ number, signature }: OpenBlock): StreamEvent {
  return {
    case: "blockEnded",
    value: {
      $typeName: "penstock.inference.v1.BlockEnded",
      index: number,
      ...(signature === "" ? {} : { signature, signatureIssuer: formatName }),
    },
  };
}

function formatStarted(index: number, block: Fields): StreamEvent {
  const started: BlockStarted = {
    $typeName: "penstock.inference.v1.BlockStarted",
    index,
    candidate: 0,
    kind: BlockKind.FORMAT,
    toolCallId: "",
    toolName: "",
    formatPart: formatPart(block),
  };
  return { case: "blockStarted", value: started };
}

function formatDelta(index: number, value: JsonObject): StreamEvent {
  return {
    case: "blockDelta",
    value: {
      $typeName: "penstock.inference.v1.BlockDelta",
      index,
      delta: { case: "formatDelta", value },
    },
  };
}
