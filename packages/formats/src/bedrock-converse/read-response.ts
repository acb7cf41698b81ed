import type { CandidateFinish, ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { localFailure } from "../failure-to-error.ts";
import type { Answer, JsonObject } from "../format.ts";
import { textPart, toolCallPart } from "../openai-chat/content-parts.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import { readCitation, readThought, thoughtPart } from "./content-parts.ts";
import { isMediaBlock } from "./media-kinds.ts";
import { ownPart } from "./own-part.ts";
import { readMedia } from "./read-media.ts";
import { isFailedStop, readStopReason } from "./stop-reason.ts";
import { readUsage } from "./usage.ts";

const maxNameLength = 256;

/** Reads a whole answer. Throws UPSTREAM_MALFORMED when it is not what the format says. */
export function readResponse(body: Uint8Array): Answer {
  const fields = parse(body);
  const output = fields["output"];
  const message = isJsonObject(output) ? output["message"] : undefined;
  const content = isJsonObject(message) ? message["content"] : undefined;
  if (!Array.isArray(content)) throw localFailure("MALFORMED", "the answer has no message");
  const finish = newFinish(fields);
  const { usage, raw, warnings } = readUsage(fields["usage"]);
  const candidate = { parts: content.flatMap(readAnswerBlock), finish };
  const end = {
    candidates: [finish],
    usage,
    rawUsage: raw,
    responseId: "",
    model: "",
    warnings,
    ...readServiceTier(fields),
  };
  return { candidates: [candidate], end };
}

/**
 * How an answer ended, from what `stopReason` stands in. Throws UPSTREAM_FAILED where the model
 * wrote something that can't be used.
 */
export function newFinish(fields: Readonly<Record<string, unknown>>): CandidateFinish {
  const { stopReason, additionalModelResponseFields: details } = fields;
  const rawReason = typeof stopReason === "string" ? stopReason.slice(0, maxNameLength) : "";
  if (rawReason === "") throw localFailure("MALFORMED", "the answer has no stopReason");
  if (isFailedStop(rawReason)) throw localFailure("UPSTREAM_ERROR", `stopReason ${rawReason}`);
  return {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate: 0,
    reason: readStopReason(rawReason),
    rawReason,
    details: isJsonObject(details) ? (details as JsonObject) : undefined,
  };
}

/**
 * By which tier the provider served the request, where it says so. Optimized latency has a price of
 * its own, like a tier, but is not called one.
 */
export function readServiceTier(fields: Readonly<Record<string, unknown>>): {
  serviceTier?: string;
  servedTier?: string;
} {
  const { serviceTier: tier, performanceConfig: performance } = fields;
  const type = isJsonObject(tier) ? tier["type"] : undefined;
  const told: { serviceTier?: string; servedTier?: string } = {};
  if (typeof type === "string") told.serviceTier = type.slice(0, maxNameLength);
  if (isJsonObject(performance) && performance["latency"] === "optimized") {
    told.servedTier = "optimized";
  }
  return told;
}

function parse(body: Uint8Array): Record<string, unknown> {
  try {
    return readJsonObject(body);
  } catch (error) {
    if (error instanceof GatewayError) throw localFailure("MALFORMED", error.message);
    throw error;
  }
}

function readAnswerBlock(block: unknown, position: number): ContentPart[] {
  if (!isJsonObject(block)) throw localFailure("MALFORMED", `block ${position} is no object`);
  const { text, toolUse, reasoningContent, citationsContent } = block;
  if (typeof text === "string") return text === "" ? [] : [textPart(text)];
  if (isJsonObject(toolUse) && toolUse["type"] === undefined) return [readToolUse(toolUse)];
  const thought = readThought(reasoningContent);
  if (thought !== undefined) return [thoughtPart(thought)];
  if (isJsonObject(citationsContent)) return readCited(citationsContent);
  for (const [name, media] of Object.entries(block)) {
    const part = isMediaBlock(name) && isJsonObject(media) ? readMedia(name, media) : undefined;
    if (part !== undefined) return [part];
  }
  return [ownPart(block)];
}

function readToolUse({ toolUseId, name, input }: Record<string, unknown>): ContentPart {
  if (typeof toolUseId !== "string" || typeof name !== "string" || name === "") {
    throw localFailure("MALFORMED", "a tool use has no id or no name");
  }
  return toolCallPart(toolUseId.slice(0, maxNameLength), name, JSON.stringify(input ?? {}));
}

/** Text with its sources: the text first, as citations stand behind what they support. */
function readCited({ content, citations }: Record<string, unknown>): ContentPart[] {
  const texts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  const text = texts.map((one) => (typeof one["text"] === "string" ? one["text"] : "")).join("");
  const sources = Array.isArray(citations) ? citations.filter(isJsonObject) : [];
  const parts = sources.map((source): ContentPart => {
    const value = readCitation(source);
    return { $typeName: "penstock.inference.v1.ContentPart", part: { case: "citation", value } };
  });
  return text === "" ? parts : [textPart(text), ...parts];
}
