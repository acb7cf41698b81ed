import type { ContentPart, ReasoningPart, TextPart, ToolResultPart } from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { ownSignature } from "../own-signature.ts";
import { isJsonObject } from "../read-json.ts";
import { writeCacheMarker } from "./cache-marker.ts";
import { cannotSay, formatName, ownContent } from "./own-words.ts";
import { toolId, toolInput } from "./tool-input.ts";
import { writeMedia } from "./write-media.ts";

type Written = Record<string, unknown>;

/** What the writers of blocks share. */
export interface BlockScope {
  readonly target: TargetRequest;
  /** Path of the message, for messages about it. */
  readonly path: string;
  /** Members that blocks carried when they were read, by position. */
  readonly extras: unknown;
}

/** Writes parts as blocks. A part that means nothing here is left out, and the caller is told. */
export function writeBlocks(parts: readonly ContentPart[], scope: BlockScope): Written[] {
  const written: Written[] = [];
  const extras = isJsonObject(scope.extras) ? scope.extras : undefined;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] as ContentPart;
    if (part.part.case === "citation") {
      cite(part, written);
      continue;
    }
    const own = extras?.[String(index)];
    const path = `${scope.path}.parts[${index}]`;
    const block = writeBlock(part, { ...scope, path, extras: own });
    if (block === undefined) continue;
    const others = isJsonObject(own) ? withoutNested(own) : undefined;
    const marker = writeCacheMarker(part.cacheMarker, others?.["cache_control"]);
    const marked = marker === undefined ? block : { ...block, cache_control: marker };
    written.push(others === undefined ? marked : { ...others, ...marked });
  }
  return written;
}

/** Parts of text alone, as most messages have them, as blocks; undefined for any others. */
export function writePlainBlocks(parts: readonly ContentPart[]): Written[] | undefined {
  const written: Written[] = [];
  for (const { part, cacheMarker } of parts) {
    if (part.case !== "text" || cacheMarker !== undefined) return undefined;
    const block = writeText(part.value);
    if (block !== undefined) written.push(block);
  }
  return written;
}

/** Blocks as the shortest content that says the same: text where it is nothing else. */
export function writeContent(blocks: readonly Written[]): string | readonly Written[] {
  const [only] = blocks;
  if (blocks.length !== 1 || only?.["type"] !== "text") return blocks;
  return Object.keys(only).length === 2 ? String(only["text"]) : blocks;
}

function withoutNested(own: Written): Written {
  const { content: _ofBlocks, ...others } = own;
  return others;
}

/** Citations of this format belong to the text before them; others are for readers, not models. */
function cite({ part }: ContentPart, written: Written[]): void {
  const content = part.case === "citation" ? ownContent(part.value.original) : undefined;
  const last = written.at(-1);
  if (content === undefined || last?.["type"] !== "text") return;
  const citations = last["citations"];
  if (Array.isArray(citations)) citations.push(content);
  else last["citations"] = [content];
}

function writeBlock({ part }: ContentPart, scope: BlockScope): Written | undefined {
  switch (part.case) {
    case "text":
      return writeText(part.value);
    case "reasoning":
      return writeReasoning(part.value, scope.target);
    case "toolCall": {
      ownSignature(part.value, formatName, scope.target.warn);
      const { id, name, argumentsJson } = part.value;
      return { type: "tool_use", id: toolId(id), name, input: toolInput(argumentsJson) };
    }
    case "toolResult":
      return writeResult(part.value, scope);
    case "media":
      return writeMedia(part.value, scope.path, scope.target.warn);
    case "formatPart": {
      const content = ownContent(part.value);
      if (content !== undefined) return content;
      throw cannotSay(scope.path, `content of ${part.value.format}`);
    }
    default:
      throw cannotSay(scope.path, part.case ?? "an unknown kind of content");
  }
}

/** Text without a visible character says nothing, and the format refuses it. */
function writeText({ text }: TextPart): Written | undefined {
  return text.trim() === "" ? undefined : { type: "text", text };
}

function writeReasoning(part: ReasoningPart, { quirks, warn }: TargetRequest): Written | undefined {
  const signature = ownSignature(part, formatName, warn);
  if (signature !== undefined) {
    if (part.redacted) return { type: "redacted_thinking", data: signature };
    return { type: "thinking", thinking: part.text, signature };
  }
  if (quirks.sendsReasoning === true && !part.redacted) {
    return { type: "thinking", thinking: part.text, signature: "" };
  }
  if (part.signature === undefined) {
    warn?.("reasoning_dropped: reasoning without a signature can't be sent back");
  }
  return undefined;
}

function writeResult(result: ToolResultPart, scope: BlockScope): Written {
  const nested = isJsonObject(scope.extras) ? scope.extras["content"] : undefined;
  const blocks = writeBlocks(result.parts, { ...scope, extras: nested });
  return {
    type: "tool_result",
    tool_use_id: toolId(result.toolCallId),
    content: blocks.length === 0 ? undefined : writeContent(blocks),
    is_error: result.isError ? true : undefined,
  };
}
