import type {
  CacheMarker,
  ContentPart,
  FormatPart,
  ToolCallPart,
  ToolResultPart,
} from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { ownSignature } from "../own-signature.ts";
import { readJsonObject } from "../read-json.ts";
import type { ToolIds } from "../tool-ids.ts";
import { cannotSay } from "./cannot-say.ts";
import { modelFamily } from "./model-family.ts";
import { readsFromS3 } from "./own-part.ts";
import { writeMedia } from "./write-media.ts";

type Written = Record<string, unknown>;
type Reasoning = Extract<ContentPart["part"], { case: "reasoning" }>["value"];

/** What is the same for all blocks of a request. */
export interface BlockWriting {
  readonly target: TargetRequest;
  readonly ids: ToolIds;
  /** Names of documents so far, as no two may be the same, in small letters. */
  readonly names: Set<string>;
}

const encoder = new TextEncoder();

/**
 * Writes parts as blocks. Texts without a visible character are left out, since Bedrock refuses
 * them and they say nothing. Throws UNSUPPORTED_FIELD for what the format has no words for.
 */
export function writeBlocks(
  parts: readonly ContentPart[],
  path: string,
  writing: BlockWriting,
): Written[] {
  const blocks: Written[] = [];
  parts.forEach((part, index) => {
    const block = writeBlock(part, { path: `${path}.parts[${index}]`, index }, writing);
    if (block !== undefined) blocks.push(block);
    const cacheMarker = part.cacheMarker ?? markerWithin(part);
    if (cacheMarker === undefined || blocks.length === 0) return;
    const point = writeCachePoint(cacheMarker, writing.target);
    if (point !== undefined) blocks.push(point);
  });
  return blocks;
}

/** A mark within a result, where the API takes none, stands behind the result. */
function markerWithin({ part }: ContentPart): CacheMarker | undefined {
  if (part.case !== "toolResult") return undefined;
  return part.value.parts.findLast(({ cacheMarker }) => cacheMarker !== undefined)?.cacheMarker;
}

/** The mark that ends a stretch to be cached; undefined, with a warning, where none is understood. */
export function writeCachePoint(marker: CacheMarker, target: TargetRequest): Written | undefined {
  if (modelFamily(target.model) === "other") {
    target.warn?.("cache_marker_dropped: models of this maker keep no prompt cache at Bedrock");
    return undefined;
  }
  return { cachePoint: { type: "default", ttl: marker.timeToLive } };
}

function writeBlock(
  { part }: ContentPart,
  { path, index }: { path: string; index: number },
  writing: BlockWriting,
): Written | undefined {
  switch (part.case) {
    case "text":
      return part.value.text.trim() === "" ? undefined : { text: part.value.text };
    case "media":
      return writeMedia(part.value, path, { position: index, ...writing });
    case "reasoning":
      return writeReasoning(part.value, writing.target);
    case "toolCall":
      return { toolUse: writeToolUse(part.value, path, writing) };
    case "toolResult":
      return { toolResult: writeToolResult(part.value, path, writing) };
    case "citation":
      // Sources are for the reader of the answer; the model has no use for them.
      return undefined;
    case "formatPart":
      return writeOwn(part.value, path);
    default:
      throw cannotSay(path, "an unknown kind of content");
  }
}

/** Only what its maker signed is believed when it comes back; the rest is told, and left out. */
function writeReasoning(part: Reasoning, { quirks, warn }: TargetRequest): Written | undefined {
  const signature = ownSignature(part, "bedrock-converse", warn);
  if (part.redacted) {
    if (signature === undefined) return undefined;
    return { reasoningContent: { redactedContent: signature } };
  }
  if (signature === undefined && quirks.sendsReasoning !== true) {
    if (part.signature === undefined) warn?.("reasoning_dropped: it is not signed");
    return undefined;
  }
  return { reasoningContent: { reasoningText: { text: part.text, signature } } };
}

function writeToolUse(call: ToolCallPart, path: string, { target, ids }: BlockWriting): Written {
  ownSignature(call, "bedrock-converse", target.warn);
  return {
    toolUseId: ids.idFor(call.id),
    name: call.name,
    input: readArguments(call.argumentsJson, path),
  };
}

/** Arguments are a document there, so that text which is none can't be sent. */
function readArguments(text: string, path: string): unknown {
  if (text.trim() === "") return {};
  try {
    return readJsonObject(encoder.encode(text));
  } catch {
    throw cannotSay(`${path}.tool_call.arguments_json`, "no JSON object");
  }
}

function writeToolResult(result: ToolResultPart, path: string, writing: BlockWriting): Written {
  const at = `${path}.tool_result`;
  for (const { part } of result.parts) {
    if (part.case === "text" || part.case === "media" || part.case === "formatPart") continue;
    throw cannotSay(at, `${part.case ?? "unknown content"} in a tool result`);
  }
  return {
    toolUseId: writing.ids.idFor(result.toolCallId),
    content: result.parts.flatMap(
      (part, index) => writeBlock(part, { path: `${at}.parts[${index}]`, index }, writing) ?? [],
    ),
    status: result.isError ? "error" : undefined,
  };
}

function writeOwn({ format, content }: FormatPart, path: string): Written {
  if (format !== "bedrock-converse" || content === undefined) {
    throw cannotSay(path, `content of format ${format}`);
  }
  if (readsFromS3(content)) throw cannotSay(path, "content from S3");
  return { ...content };
}
