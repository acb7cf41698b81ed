import { BlockKind } from "@penstock/api";
import { readLogprobs } from "../logprobs.ts";
import { isJsonObject } from "../read-json.ts";
import type { CandidateBlocks, SeenCall } from "./candidate-blocks.ts";
import { readContentList } from "./content-list.ts";
import { readCitations } from "./read-citation.ts";
import { shortText } from "./read-response.ts";

const noCalls: readonly SeenCall[] = [];

/** Reads what a delta adds to a candidate; gives what its pieces of tool calls belong to. */
export function readDelta(
  candidate: CandidateBlocks,
  delta: Record<string, unknown>,
  given: unknown,
): readonly SeenCall[] {
  const logprobs = isJsonObject(given) ? given : {};
  const { content, refusal, tool_calls: calls, annotations } = delta;
  const reasoning = delta["reasoning_content"] ?? delta["reasoning"];
  if (typeof reasoning === "string" && reasoning !== "") {
    candidate.text(BlockKind.REASONING, reasoning);
  }
  if (typeof content === "string") {
    if (content !== "") {
      candidate.text(BlockKind.TEXT, content, readLogprobs(logprobs["content"]));
    }
  } else if (Array.isArray(content)) {
    for (const { text, isThought } of readContentList(content)) {
      candidate.text(isThought ? BlockKind.REASONING : BlockKind.TEXT, text);
    }
  }
  if (typeof refusal === "string" && refusal !== "") {
    candidate.text(BlockKind.REFUSAL, refusal, readLogprobs(logprobs["refusal"]));
  }
  const seen = Array.isArray(calls) ? readToolCalls(candidate, calls) : noCalls;
  if (annotations == null) return seen;
  for (const citation of readCitations(annotations)) candidate.citation(citation);
  return seen;
}

function readToolCalls(candidate: CandidateBlocks, calls: unknown[]): SeenCall[] {
  const seen: SeenCall[] = [];
  for (const [position, call] of calls.entries()) {
    if (!isJsonObject(call)) continue;
    const called = isJsonObject(call["function"]) ? call["function"] : {};
    const { name, arguments: given } = called;
    const piece = {
      index: Number.isInteger(call["index"]) ? (call["index"] as number) : position,
      id: shortText(call["id"]),
      name: shortText(name),
      arguments: typeof given === "string" ? given : given == null ? "" : JSON.stringify(given),
    };
    seen.push(candidate.toolCall(piece));
  }
  return seen;
}
