import type { FinishReason } from "@penstock/api";
import type { CandidateFinish } from "@penstock/api";
import { readFinish as readMessageFinish, writeFinish } from "../anthropic-messages/stop-reason.ts";
import { readStopReason } from "../bedrock-converse/stop-reason.ts";
import { finishWarning } from "../finish-warning.ts";
import type { FormatName } from "../format.ts";
import { newFinish } from "../google-generate-content/finish-reason.ts";
import { readFinishReason, writeFinishReason } from "../openai-chat/finish-reason.ts";
import { readFinish as readStatus, writeStatus } from "../openai-responses/finish-reason.ts";

/** A way in which an answer of a provider ends, in the words of the provider's format. */
export interface ProviderEnd {
  readonly format: FormatName;
  readonly word: string;
  readonly finish: CandidateFinish;
}

/** Formats that have a door. */
export const finishDoors = ["openai-chat", "openai-responses", "anthropic-messages"] as const;
export type FinishDoor = (typeof finishDoors)[number];

/** Words of each format, and one that nobody has documented. */
const vocabularies: Readonly<Record<FormatName, readonly string[]>> = {
  "openai-chat": ["stop", "length", "tool_calls", "function_call", "content_filter", "unheard-of"],
  "openai-responses": ["completed", "max_output_tokens", "content_filter", "unheard-of"],
  "anthropic-messages": [
    "end_turn",
    "stop_sequence",
    "max_tokens",
    "model_context_window_exceeded",
    "tool_use",
    "refusal",
    "pause_turn",
    "unheard-of",
  ],
  "bedrock-converse": [
    "end_turn",
    "stop_sequence",
    "max_tokens",
    "model_context_window_exceeded",
    "tool_use",
    "content_filtered",
    "guardrail_intervened",
    "unheard-of",
  ],
  "google-generate-content": ["STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"],
};

const readers: Readonly<Record<FormatName, (word: string) => CandidateFinish>> = {
  "openai-chat": (word) => plain(readFinishReason(word), word),
  "openai-responses": (word) =>
    word === "completed" ? readStatus(word, "", false) : readStatus("incomplete", word, false),
  "anthropic-messages": (word) =>
    readMessageFinish({
      stop_reason: word,
      stop_sequence: word === "stop_sequence" ? "END" : null,
    }),
  "bedrock-converse": (word) => plain(readStopReason(word), word),
  "google-generate-content": (word) => newFinish(0, word, false),
};

function plain(reason: FinishReason, rawReason: string): CandidateFinish {
  return { $typeName: "penstock.inference.v1.CandidateFinish", candidate: 0, reason, rawReason };
}

/** Every end of every format, as its reader takes it. */
export const providerEnds: readonly ProviderEnd[] = (
  Object.keys(vocabularies) as FormatName[]
).flatMap((format) =>
  vocabularies[format].map((word) => ({ format, word, finish: readers[format](word) })),
);

/** What a caller of the door reads. */
export function toldEnd(door: FinishDoor, { finish }: ProviderEnd): string {
  switch (door) {
    case "openai-chat":
      return writeFinishReason(finish.reason);
    case "openai-responses": {
      const { status, incompleteReason } = writeStatus(finish);
      return incompleteReason === undefined ? status : `${status}: ${incompleteReason}`;
    }
    case "anthropic-messages":
      return String(writeFinish(finish, false)["stop_reason"]);
  }
}

/** What the door's own reader makes of what its caller is told. */
export function heardEnd(door: FinishDoor, told: string): FinishReason {
  switch (door) {
    case "openai-chat":
      return readers[door](told).reason;
    case "openai-responses":
      return readers[door](told.replace("incomplete: ", "")).reason;
    case "anthropic-messages":
      return readers[door](told).reason;
  }
}

/** Rows of the table: the provider's word, and what callers of each door are told. */
export function finishRows(): string[][] {
  const head = ["an answer that ended as", ...finishDoors.map((door) => `says in ${door}`)];
  const rows = providerEnds.map((end) => {
    const cells = finishDoors.map((door) => {
      const told = toldEnd(door, end);
      return finishWarning(door, end.finish) === undefined ? told : `*${told}*`;
    });
    return [`${end.format} \`${end.word}\``, ...cells];
  });
  return [head, ...rows];
}
