import { BlockKind, type BlockDelta, type BlockStarted } from "@penstock/api";
import type { JsonObject, StreamEvent } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { blockEnded, citationStarted, textDelta, textStarted } from "../streams/stream-events.ts";
import { argumentsDelta, toolCallStarted } from "../streams/stream-events.ts";
import type { AnswerOutput } from "../streams/answer-output.ts";
import { readCitation } from "./content-parts.ts";
import { mediaTypeOf } from "./media-kinds.ts";
import { ownContent } from "./own-part.ts";
import { decodeBase64 } from "./read-media.ts";

type Fields = Readonly<Record<string, unknown>>;

const none = -1;

/** One content block of the provider, which may turn into several of ours. */
export class StreamBlock {
  readonly #output: AnswerOutput;
  #block = none;
  #kind: BlockKind = BlockKind.UNSPECIFIED;
  #signature = "";
  /** What was shown in an opaque form only, in pieces. */
  #redacted: Uint8Array[] = [];

  constructor(output: AnswerOutput) {
    this.#output = output;
  }

  /** What a block that is not text says before its deltas. */
  start(start: Fields): void {
    const { toolUse, image } = start;
    if (isJsonObject(toolUse) && toolUse["type"] === undefined) {
      const block = this.#begin(BlockKind.TOOL_CALL);
      const [id, name] = [textOf(toolUse["toolUseId"]), textOf(toolUse["name"])];
      const call = { id: id === "" ? `tooluse_${block}` : id, name: name === "" ? "tool" : name };
      this.#output.emit(toolCallStarted(block, 0, call));
      return;
    }
    const mediaType = isJsonObject(image) ? mediaTypeOf("image", image["format"]) : undefined;
    if (mediaType !== undefined) {
      const block = this.#begin(BlockKind.MEDIA);
      const source = { case: undefined };
      const media = { $typeName: "penstock.inference.v1.MediaPart", mediaType, source } as const;
      this.#output.emit(started(block, BlockKind.MEDIA, { media }));
      return;
    }
    const block = this.#begin(BlockKind.FORMAT);
    this.#output.emit(started(block, BlockKind.FORMAT, { formatPart: ownContent(start) }));
  }

  /** More of the block. */
  delta(delta: Fields): void {
    if (this.#kind === BlockKind.FORMAT) {
      const value = delta as JsonObject;
      this.#output.emit(deltaOf({ index: this.#block, delta: { case: "formatDelta", value } }));
      return;
    }
    const { text, toolUse, reasoningContent, citation, image } = delta;
    if (typeof text === "string") this.#text(BlockKind.TEXT, text);
    else if (isJsonObject(toolUse)) this.#arguments(textOf(toolUse["input"]));
    else if (isJsonObject(reasoningContent)) this.#reasoning(reasoningContent);
    else if (isJsonObject(citation)) this.#citation(citation);
    else if (isJsonObject(image)) this.#image(image);
  }

  /** The block grows by a piece; false: what it is does not grow so, and nothing was done. */
  grow(kind: BlockKind, text: string): boolean {
    if (this.#kind === BlockKind.FORMAT) return false;
    if (kind === BlockKind.TOOL_CALL) this.#arguments(text);
    else this.#text(kind, text);
    return true;
  }

  /** The block is complete; again it means nothing. */
  end(): void {
    const block = this.#block;
    if (block === none) return;
    this.#block = none;
    const redacted = this.#redacted.length > 0;
    const signature = redacted ? joined(this.#redacted).toBase64() : this.#signature;
    const ended = blockEnded(block);
    if (ended.case === "blockEnded" && signature !== "") {
      ended.value.signature = signature;
      ended.value.signatureIssuer = "bedrock-converse";
    }
    this.#output.emit(ended);
    this.#kind = BlockKind.UNSPECIFIED;
    this.#signature = "";
    this.#redacted = [];
  }

  #begin(kind: BlockKind): number {
    this.end();
    this.#kind = kind;
    return (this.#block = this.#output.nextBlock());
  }

  #text(kind: BlockKind, text: string): void {
    if (text === "") return;
    if (this.#kind !== kind) this.#output.emit(textStarted(this.#begin(kind), 0, kind));
    this.#output.emit(textDelta(this.#block, text));
  }

  #arguments(input: string): void {
    if (this.#kind !== BlockKind.TOOL_CALL || input === "") return;
    this.#output.countArguments(input.length);
    this.#output.emit(argumentsDelta(this.#block, input));
  }

  #reasoning({ text, signature, redactedContent: redacted }: Fields): void {
    if (typeof text === "string") this.#text(BlockKind.REASONING, text);
    if (typeof signature === "string" && signature !== "") {
      this.#output.countArguments(signature.length);
      // A thought that is not shown has a signature all the same.
      if (this.#kind !== BlockKind.REASONING) this.#beginThought(false);
      this.#signature += signature;
    }
    const bytes = typeof redacted === "string" ? decodeBase64(redacted) : undefined;
    if (bytes === undefined || bytes.length === 0) return;
    this.#output.countArguments(bytes.length);
    if (this.#kind !== BlockKind.REASONING) this.#beginThought(true);
    this.#redacted.push(bytes);
  }

  #beginThought(redacted: boolean): void {
    const block = this.#begin(BlockKind.REASONING);
    this.#output.emit(started(block, BlockKind.REASONING, redacted ? { redacted } : {}));
  }

  #citation(citation: Record<string, unknown>): void {
    const block = this.#output.nextBlock();
    this.#output.emit(citationStarted(block, 0, readCitation(citation)));
    this.#output.emit(blockEnded(block));
  }

  #image({ source }: Fields): void {
    const bytes = isJsonObject(source) ? source["bytes"] : undefined;
    const value = typeof bytes === "string" ? decodeBase64(bytes) : undefined;
    if (this.#kind !== BlockKind.MEDIA || value === undefined) return;
    this.#output.emit(deltaOf({ index: this.#block, delta: { case: "data", value } }));
  }
}

function started(
  index: number,
  kind: BlockKind,
  more: Partial<Omit<BlockStarted, "$typeName">>,
): StreamEvent {
  return {
    case: "blockStarted",
    value: {
      $typeName: "penstock.inference.v1.BlockStarted",
      index,
      candidate: 0,
      kind,
      toolCallId: "",
      toolName: "",
      ...more,
    },
  };
}

function deltaOf(delta: Omit<BlockDelta, "$typeName">): StreamEvent {
  return {
    case: "blockDelta",
    value: { $typeName: "penstock.inference.v1.BlockDelta", ...delta },
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
