import type { CandidateFinish, ContentPart } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { Answer, AnswerEnd } from "../format.ts";
import { readLogprobs } from "../logprobs.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import { readContentList } from "./content-list.ts";
import { citationPart, reasoningPart, textPart, toolCallPart } from "./content-parts.ts";
import { filterWarning } from "./filter-warnings.ts";
import { isFailedFinish, readFinishReason } from "./finish-reason.ts";
import { readCitations } from "./read-citation.ts";
import { readInBandError } from "./read-error.ts";
import { readUsage } from "./usage.ts";

const maxCandidateCount = 128;
const maxNameLength = 256;

/**
 * Reads a whole answer. Throws UPSTREAM_MALFORMED when it is not what the format says, and the
 * error itself when the target put one into an answer of status 200.
 */
export function readResponse(body: Uint8Array): Answer {
  const fields = parse(body);
  if (fields["error"] != null) throw failureToError(readInBandError(fields));
  const choices = fields["choices"];
  if (!Array.isArray(choices) || choices.length === 0 || choices.length > maxCandidateCount) {
    throw localFailure("MALFORMED", "no list of choices");
  }
  const candidates = choices.map(readChoice);
  candidates.sort((one, other) => one.finish.candidate - other.finish.candidate);
  const { usage, raw, warnings } = readUsage(fields["usage"]);
  const tier = shortText(fields["service_tier"]);
  const unfiltered = firstFilterWarning(fields, choices);
  if (unfiltered !== undefined) warnings.push(unfiltered);
  const end: AnswerEnd = {
    candidates: candidates.map((candidate) => candidate.finish),
    usage,
    rawUsage: raw,
    responseId: shortText(fields["id"]),
    model: shortText(fields["model"]),
    warnings,
  };
  if (tier !== "") end.serviceTier = tier;
  return { candidates, end };
}

/** Of the prompt or of a choice. */
function firstFilterWarning(
  fields: Record<string, unknown>,
  choices: readonly unknown[],
): string | undefined {
  let warning = filterWarning(fields);
  for (let index = 0; warning === undefined && index < choices.length; index += 1) {
    const choice = choices[index];
    if (isJsonObject(choice)) warning = filterWarning(choice);
  }
  return warning;
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

function readChoice(choice: unknown, position: number): Answer["candidates"][number] {
  const message = isJsonObject(choice) ? choice["message"] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(message)) {
    throw localFailure("MALFORMED", `no message in choice ${position}`);
  }
  const rawReason = shortText(choice["finish_reason"]);
  if (isFailedFinish(rawReason)) {
    throw localFailure("UPSTREAM_ERROR", `finish_reason ${rawReason}`);
  }
  return {
    parts: readParts(message, choice["logprobs"]),
    finish: newFinish(candidateOf(choice["index"], position), rawReason),
  };
}

/** How a candidate ended, in both vocabularies. */
export function newFinish(candidate: number, rawReason: string): CandidateFinish {
  return {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate,
    reason: readFinishReason(rawReason),
    rawReason,
  };
}

/** The number of a candidate; where it is not said or not sane, the position stands for it. */
export function candidateOf(index: unknown, position: number): number {
  const sane = Number.isInteger(index) && (index as number) >= 0;
  return sane && (index as number) < maxCandidateCount ? (index as number) : position;
}

function readParts(message: Record<string, unknown>, logprobs: unknown): ContentPart[] {
  const parts: ContentPart[] = [];
  const { content, refusal, tool_calls: calls } = message;
  const reasoning = message["reasoning_content"] ?? message["reasoning"];
  if (typeof reasoning === "string" && reasoning !== "") parts.push(reasoningPart(reasoning));
  if (typeof content === "string") {
    if (content !== "") parts.push(withLogprobs(textPart(content), logprobs, "content"));
  } else if (Array.isArray(content)) {
    for (const { text, isThought } of readContentList(content)) {
      parts.push(isThought ? reasoningPart(text) : textPart(text));
    }
  }
  if (typeof refusal === "string" && refusal !== "") {
    parts.push(withLogprobs(textPart(refusal, true), logprobs, "refusal"));
  }
  if (message["annotations"] != null) {
    for (const citation of readCitations(message["annotations"])) {
      parts.push(citationPart(citation));
    }
  }
  if (Array.isArray(calls)) readToolCalls(calls, parts);
  return parts;
}

function withLogprobs(
  part: ContentPart,
  given: unknown,
  member: "content" | "refusal",
): ContentPart {
  const logprobs = isJsonObject(given) ? readLogprobs(given[member]) : undefined;
  if (logprobs !== undefined && part.part.case === "text") part.part.value.logprobs = logprobs;
  return part;
}

function readToolCalls(calls: unknown[], parts: ContentPart[]): void {
  for (const [position, call] of calls.entries()) {
    const called = isJsonObject(call) ? call["function"] : undefined;
    if (!isJsonObject(call) || !isJsonObject(called) || typeof called["name"] !== "string") {
      throw localFailure("MALFORMED", `tool call ${position} has no function`);
    }
    const id = shortText(call["id"]) || `call_${position}`;
    const given = called["arguments"];
    // Some servers send the arguments as an object instead of its text.
    const text = typeof given === "string" ? given : given == null ? "" : JSON.stringify(given);
    parts.push(toolCallPart(id, called["name"], text));
  }
}
