import type { ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import {
  kindOf,
  otherFields,
  readBoolean,
  readList,
  readObject,
  readText,
} from "../field-values.ts";
import { citationPart, textPart } from "../openai-chat/content-parts.ts";
import { otherCacheWords, readCacheMarker } from "./cache-marker.ts";
import { readCitations } from "./citations.ts";
import { foreignPart, thinkingPart } from "./own-parts.ts";
import { readMedia } from "./read-media.ts";

/** Members of blocks that have no place of their own, by the position of the part. */
export type BlockExtras = Record<string, Record<string, unknown>>;

/** Blocks as parts. */
export interface Blocks {
  parts: ContentPart[];
  extras: BlockExtras | undefined;
}

/** Where blocks stand, which says what they may be. */
export type BlockPlace = "system" | "user" | "assistant" | "result";

/** Most blocks of one message. */
const maxBlockCount = 4_096;
const idLength = { min: 1, max: 512 };
const nameLength = { min: 1, max: 256 };

/** Where each known kind of block may stand. Other kinds may stand anywhere: they are new. */
const places: Record<string, readonly BlockPlace[]> = {
  text: ["system", "user", "assistant", "result"],
  image: ["user", "result"],
  document: ["user", "result", "assistant"],
  thinking: ["assistant"],
  redacted_thinking: ["assistant"],
  tool_use: ["assistant"],
  tool_result: ["user"],
};

const knownFields: Record<string, ReadonlySet<string>> = {
  text: new Set(["type", "text", "cache_control"]),
  image: new Set(["type", "source", "cache_control"]),
  document: new Set(["type", "source", "title", "cache_control"]),
  thinking: new Set(["type", "thinking", "signature"]),
  redacted_thinking: new Set(["type", "data"]),
  tool_use: new Set(["type", "id", "name", "input", "cache_control"]),
  tool_result: new Set(["type", "tool_use_id", "content", "is_error", "cache_control"]),
};

/** A block as a part, and what it carries besides. */
interface ReadBlock {
  part: ContentPart;
  extras: Record<string, unknown> | undefined;
}

/** Reads the content of a message, of the system prompt or of a result: text, or blocks. */
export function readBlocks(
  problems: FieldProblems,
  path: string,
  value: unknown,
  place: BlockPlace,
): Blocks {
  if (typeof value === "string") {
    const part = textPart(value);
    problems.made(part, path);
    return { parts: [part], extras: undefined };
  }
  const blocks: Blocks = { parts: [], extras: undefined };
  if (!Array.isArray(value)) {
    problems.add(path, `must be text or a list of blocks, not ${kindOf(value)}`);
    return blocks;
  }
  const list = readList(problems, path, value, maxBlockCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const at = `${path}[${index}]`;
    const fields = readObject(problems, at, list[index]);
    const read = fields && readBlock(problems, at, fields, place);
    if (fields === undefined || read === undefined) continue;
    if (read.extras !== undefined) {
      (blocks.extras ??= {})[String(blocks.parts.length)] = read.extras;
    }
    problems.made(read.part, at);
    blocks.parts.push(read.part);
    // Elsewhere citations are not the model's, and stay with the members that are carried.
    if (place === "assistant" && fields["type"] === "text") {
      blocks.parts.push(...readCitations(fields["citations"]).map(citationPart));
    }
  }
  return blocks;
}

function readBlock(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
  place: BlockPlace,
): ReadBlock | undefined {
  const type = readText(problems, `${path}.type`, fields["type"], nameLength);
  if (type === undefined) return undefined;
  const allowed = Object.hasOwn(places, type) ? places[type] : undefined;
  if (allowed === undefined) return { part: foreignPart(fields), extras: undefined };
  if (!allowed.includes(place)) {
    problems.add(`${path}.type`, `is ${type}, which can't stand here`);
    return undefined;
  }
  const read = readKnown(problems, path, fields);
  if (read === undefined || read.part.part.case === "formatPart") return read;
  const marker = readCacheMarker(problems, `${path}.cache_control`, fields["cache_control"]);
  if (marker !== undefined) read.part.cacheMarker = marker;
  read.extras = otherMembers(fields, place, read.extras);
  return read;
}

/** What has no place of its own; `nested` are those of the blocks within. */
function otherMembers(
  fields: Record<string, unknown>,
  place: BlockPlace,
  nested: Record<string, unknown> | undefined,
): Record<string, unknown> | undefined {
  const type = String(fields["type"]);
  let others = otherFields(fields, knownFields[type] ?? new Set());
  if (place === "assistant" && type === "text" && others !== undefined) {
    others = otherFields(others, citations);
  }
  const cacheWords = otherCacheWords(fields["cache_control"]);
  if (cacheWords === undefined && nested === undefined) return others;
  return {
    ...others,
    ...(cacheWords === undefined ? {} : { cache_control: cacheWords }),
    ...nested,
  };
}

const citations: ReadonlySet<string> = new Set(["citations"]);

function readKnown(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadBlock | undefined {
  switch (fields["type"]) {
    case "text": {
      const text = readText(problems, `${path}.text`, fields["text"]);
      return text === undefined ? undefined : plain(textPart(text));
    }
    case "image":
    case "document": {
      const before = problems.count;
      const part = readMedia(problems, path, fields);
      if (part !== undefined) return plain(part);
      return problems.count > before ? undefined : plain(foreignPart(fields));
    }
    case "thinking":
    case "redacted_thinking":
      return readThinking(problems, path, fields);
    case "tool_use":
      return readToolUse(problems, path, fields);
    default:
      return readToolResult(problems, path, fields);
  }
}

function plain(part: ContentPart): ReadBlock {
  return { part, extras: undefined };
}

function readThinking(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadBlock | undefined {
  if (fields["type"] === "redacted_thinking") {
    const data = readText(problems, `${path}.data`, fields["data"]);
    return data === undefined ? undefined : plain(thinkingPart("", data, true));
  }
  const text = readText(problems, `${path}.thinking`, fields["thinking"]);
  const given = fields["signature"];
  const signature = given == null ? "" : readText(problems, `${path}.signature`, given);
  if (text === undefined || signature === undefined) return undefined;
  return plain(thinkingPart(text, signature, false));
}

function readToolUse(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadBlock | undefined {
  const id = readText(problems, `${path}.id`, fields["id"], idLength);
  const name = readText(problems, `${path}.name`, fields["name"], nameLength);
  const input = readObject(problems, `${path}.input`, fields["input"]);
  if (id === undefined || name === undefined || input === undefined) return undefined;
  const argumentsJson = JSON.stringify(input);
  return plain({
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "toolCall",
      value: { $typeName: "penstock.inference.v1.ToolCallPart", id, name, argumentsJson },
    },
  });
}

function readToolResult(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadBlock | undefined {
  const id = readText(problems, `${path}.tool_use_id`, fields["tool_use_id"], idLength);
  const { content, is_error: failed } = fields;
  const isError = failed == null ? false : readBoolean(problems, `${path}.is_error`, failed);
  const nested: Blocks =
    content == null
      ? { parts: [], extras: undefined }
      : readBlocks(problems, `${path}.content`, content, "result");
  if (id === undefined || isError === undefined) return undefined;
  return {
    part: {
      $typeName: "penstock.inference.v1.ContentPart",
      part: {
        case: "toolResult",
        value: {
          $typeName: "penstock.inference.v1.ToolResultPart",
          toolCallId: id,
          parts: nested.parts,
          isError,
        },
      },
    },
    extras: nested.extras === undefined ? undefined : { content: nested.extras },
  };
}
