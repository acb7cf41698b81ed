import { FinishReason, type CandidateFinish } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import type { JsonObject } from "../format.ts";

const reasonByWord = new Map<string, FinishReason>([
  ["end_turn", FinishReason.STOP],
  ["stop_sequence", FinishReason.STOP],
  ["max_tokens", FinishReason.LENGTH],
  ["model_context_window_exceeded", FinishReason.LENGTH],
  ["tool_use", FinishReason.TOOL_CALLS],
  ["refusal", FinishReason.CONTENT_FILTER],
  // The provider runs a tool for long: the caller sends the answer back, and the turn goes on.
  ["pause_turn", FinishReason.OTHER],
  // The conversation was summed up, and the caller asked to see that first.
  ["compaction", FinishReason.OTHER],
]);

/** Whether a word is of the format's documented vocabulary. */
export function knowsStopReason(raw: string): boolean {
  return reasonByWord.has(raw);
}

/** How an answer ended, from the members of a message or of a `message_delta`. */
export function readFinish(fields: Readonly<Record<string, unknown>>): CandidateFinish {
  const { stop_reason: reason, stop_sequence: sequence, stop_details: details } = fields;
  const rawReason = typeof reason === "string" ? reason.slice(0, 256) : "";
  const finish: CandidateFinish = {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate: 0,
    reason: readReason(rawReason),
    rawReason,
  };
  if (typeof sequence === "string") finish.stopSequence = sequence;
  if (isJsonObject(details)) finish.details = details as JsonObject;
  return finish;
}

function readReason(raw: string): FinishReason {
  if (raw === "") return FinishReason.UNSPECIFIED;
  return reasonByWord.get(raw) ?? FinishReason.OTHER;
}

/** The end of an answer as members of a message; `refused`: the model said that it refuses. */
export function writeFinish(
  finish: CandidateFinish | undefined,
  refused: boolean,
): Record<string, unknown> {
  const own = finish !== undefined && reasonByWord.has(finish.rawReason);
  return {
    stop_reason: own ? finish.rawReason : writeReason(finish, refused),
    stop_sequence: finish?.stopSequence ?? null,
    ...(own && finish.details !== undefined ? { stop_details: finish.details } : {}),
  };
}

function writeReason(finish: CandidateFinish | undefined, refused: boolean): string {
  switch (finish?.reason) {
    case FinishReason.LENGTH:
      return "max_tokens";
    case FinishReason.TOOL_CALLS:
      return "tool_use";
    case FinishReason.CONTENT_FILTER:
      return "refusal";
    default:
      if (refused) return "refusal";
      return finish?.stopSequence === undefined ? "end_turn" : "stop_sequence";
  }
}
