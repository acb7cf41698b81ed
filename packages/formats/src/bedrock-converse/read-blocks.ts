import type { CacheMarker, ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readList, readObject, readText } from "../field-values.ts";
import { textPart, toolCallPart } from "../openai-chat/content-parts.ts";
import { isJsonObject } from "../read-json.ts";
import { readThought, thoughtPart } from "./content-parts.ts";
import { isMediaBlock } from "./media-kinds.ts";
import { ownPart } from "./own-part.ts";
import { readMedia } from "./read-media.ts";

/** Who may say what. */
export type Speaker = "system" | "user" | "assistant" | "result";

/** Most blocks of one message. */
const maxBlockCount = 4_096;
const idLength = { min: 1, max: 64 };

/** Kinds of blocks that only one speaker has. */
const speakers: Readonly<Record<string, Speaker>> = {
  toolUse: "assistant",
  reasoningContent: "assistant",
  toolResult: "user",
};

/**
 * Reads the content of a caller's message. Blocks that only this format has words for are kept as
 * they came; a cache point marks the part before it.
 */
export function readBlocks(
  problems: FieldProblems,
  field: string,
  value: unknown,
  speaker: Speaker,
): ContentPart[] {
  const parts: ContentPart[] = [];
  const list = readList(problems, field, value, maxBlockCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `${field}[${index}]`;
    const block = readObject(problems, path, list[index]);
    if (block === undefined) continue;
    const [name = "", ...others] = Object.keys(block);
    if (name === "" || others.length > 0) {
      problems.add(path, "must have exactly one member");
      continue;
    }
    const last = parts.at(-1);
    const marker = name === "cachePoint" ? readCachePoint(block[name]) : undefined;
    if (marker !== undefined && last !== undefined && last.cacheMarker === undefined) {
      last.cacheMarker = marker;
      continue;
    }
    const owner = Object.hasOwn(speakers, name) ? speakers[name] : undefined;
    if (owner !== undefined && owner !== speaker) {
      problems.add(`${path}.${name}`, `has no place in what the ${speaker} says`);
      continue;
    }
    const part = readBlock(problems, `${path}.${name}`, name, block);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}

/** A cache point that says no more than a marker can; undefined for any other. */
export function readCachePoint(value: unknown): CacheMarker | undefined {
  if (!isJsonObject(value) || value["type"] !== "default") return undefined;
  const { type: _default, ttl, ...others } = value;
  if (Object.keys(others).length > 0 || (ttl !== undefined && typeof ttl !== "string")) {
    return undefined;
  }
  return { $typeName: "penstock.inference.v1.CacheMarker", timeToLive: ttl };
}

function readBlock(
  problems: FieldProblems,
  path: string,
  name: string,
  block: Record<string, unknown>,
): ContentPart | undefined {
  if (name === "text") {
    const text = readText(problems, path, block[name]);
    return text === undefined ? undefined : textPart(text);
  }
  const fields = readObject(problems, path, block[name]);
  if (fields === undefined) return undefined;
  if (isMediaBlock(name)) return readMedia(name, fields) ?? ownPart(block);
  switch (name) {
    case "toolUse":
      return readToolUse(problems, path, fields) ?? ownPart(block);
    case "toolResult":
      return readToolResult(problems, path, fields) ?? ownPart(block);
    case "reasoningContent": {
      const thought = readThought(fields);
      return thought === undefined ? ownPart(block) : thoughtPart(thought);
    }
    default:
      return ownPart(block);
  }
}

/** Undefined for a tool that the provider ran itself. */
function readToolUse(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ContentPart | undefined {
  const { toolUseId, name, input, ...others } = fields;
  if (Object.keys(others).length > 0) return undefined;
  const id = readText(problems, `${path}.toolUseId`, toolUseId, idLength) ?? "";
  const called = readText(problems, `${path}.name`, name, idLength) ?? "";
  const given = readObject(problems, `${path}.input`, input ?? {}) ?? {};
  return toolCallPart(id, called, JSON.stringify(given));
}

function readToolResult(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ContentPart | undefined {
  const { toolUseId, content, status, ...others } = fields;
  if (Object.keys(others).length > 0) return undefined;
  const id = readText(problems, `${path}.toolUseId`, toolUseId, idLength) ?? "";
  if (status !== undefined && status !== "success" && status !== "error") {
    problems.add(`${path}.status`, "must be success or error");
  }
  return {
    $typeName: "penstock.inference.v1.ContentPart",
    part: {
      case: "toolResult",
      value: {
        $typeName: "penstock.inference.v1.ToolResultPart",
        toolCallId: id,
        parts: readBlocks(problems, `${path}.content`, content ?? [], "result"),
        isError: status === "error",
      },
    },
  };
}
