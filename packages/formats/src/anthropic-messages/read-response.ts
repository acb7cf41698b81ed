import type { ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { Answer, AnswerEnd } from "../format.ts";
import { citationPart, textPart, toolCallPart } from "../openai-chat/content-parts.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import { readCitations } from "./citations.ts";
import { foreignPart, thinkingPart } from "./own-parts.ts";
import { readInBandError } from "./read-error.ts";
import { readFinish } from "./stop-reason.ts";
import { readUsage, servedTierOf } from "./usage.ts";

const maxNameLength = 256;

/**
 * Reads a whole answer. Throws UPSTREAM_MALFORMED when it is not what the format says, and the
 * error itself when the target put one into an answer of status 200.
 */
export function readResponse(body: Uint8Array): Answer {
  const fields = parse(body);
  if (fields["type"] === "error" || fields["error"] != null) {
    throw failureToError(readInBandError(fields));
  }
  const content = fields["content"];
  if (!Array.isArray(content)) throw localFailure("MALFORMED", "no list of content blocks");
  const finish = readFinish(fields);
  if (finish.rawReason === "") throw localFailure("MALFORMED", "no stop reason");
  const { usage, raw, warnings } = readUsage(fields["usage"]);
  const end: AnswerEnd = {
    candidates: [finish],
    usage,
    rawUsage: raw,
    responseId: shortText(fields["id"]),
    model: shortText(fields["model"]),
    warnings,
  };
  const servedTier = servedTierOf(raw);
  if (servedTier !== undefined) end.servedTier = servedTier;
  return { candidates: [{ parts: readBlocks(content), finish }], end };
}

/** Text of a bounded length, or nothing. */
export function shortText(value: unknown): string {
  return typeof value === "string" ? value.slice(0, maxNameLength) : "";
}

function parse(body: Uint8Array): Record<string, unknown> {
  try {
    return readJsonObject(body);
  } catch (error) {
    if (error instanceof GatewayError) throw localFailure("MALFORMED", error.message);
    throw error;
  }
}

function readBlocks(blocks: readonly unknown[]): ContentPart[] {
  const parts: ContentPart[] = [];
  for (let position = 0; position < blocks.length; position += 1) {
    const block = blocks[position];
    if (!isJsonObject(block)) throw localFailure("MALFORMED", `content block ${position} is none`);
    parts.push(readBlock(block, position));
    if (block["type"] !== "text" || block["citations"] == null) continue;
    for (const citation of readCitations(block["citations"])) parts.push(citationPart(citation));
  }
  return parts;
}

function readBlock(block: Record<string, unknown>, position: number): ContentPart {
  switch (block["type"]) {
    case "text":
      return textPart(textOf(block["text"]));
    case "thinking":
      return thinkingPart(textOf(block["thinking"]), textOf(block["signature"]), false);
    case "redacted_thinking":
      return thinkingPart("", textOf(block["data"]), true);
    case "tool_use": {
      const name = shortText(block["name"]);
      if (name === "") throw localFailure("MALFORMED", `tool call ${position} has no name`);
      const input = block["input"] ?? {};
      const id = shortText(block["id"]) || `toolu_${position}`;
      return toolCallPart(id, name, JSON.stringify(input));
    }
    default:
      return foreignPart(block);
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
