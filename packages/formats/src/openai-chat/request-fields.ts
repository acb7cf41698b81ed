import type { GenerateRequest } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import {
  otherFields,
  readBoolean,
  readInteger,
  readList,
  readModelName,
  readNumber,
  readObject,
  readText,
} from "../field-values.ts";
import { samplingOf } from "../new-request.ts";
import { readMessages } from "./read-messages.ts";
import { readResponseFormat } from "./read-response-format.ts";
import { readToolChoice, readTools } from "./read-tools.ts";
import { wishMembers } from "../wishes/read-wish-member.ts";
import { newWishes, type Wishes } from "../wishes/wishes.ts";

/** A request while its fields are read. */
export interface RequestDraft {
  request: GenerateRequest;
  sawModel: boolean;
  sawMessages: boolean;
  stream: boolean;
  includeUsage: boolean;
  maxTokens: number | undefined;
  maxCompletionTokens: number | undefined;
  parallel: boolean | undefined;
  logprobs: boolean | undefined;
  topLogprobs: number | undefined;
  wishes: Wishes | undefined;
  /** What becomes `format_parameters["openai-chat"]`. */
  extras: Record<string, unknown> | undefined;
}

/** Takes the value of one field, null excluded. */
export type FieldReader = (draft: RequestDraft, value: unknown, problems: FieldProblems) => void;

const maxInt32 = 2_147_483_647;
const tokens = { min: 1, max: maxInt32 };
const userLength = { min: 0, max: 256 };
const maxStopCount = 16;
const maxMetadataCount = 16;
const maxLabelLength = 64;
const maxLogitBiasCount = 2_048;

/** A field of `sampling` that is a number within bounds. */
function sampled(
  name: "temperature" | "topP" | "frequencyPenalty" | "presencePenalty",
  field: string,
  range: { min: number; max: number },
): [string, FieldReader] {
  return [
    field,
    (draft, value, problems) => {
      samplingOf(draft.request)[name] = readNumber(problems, field, value, range);
    },
  ];
}

function refused(field: string, why: string): [string, FieldReader] {
  return [field, (_draft, _value, problems) => problems.addUnsupported(field, why)];
}

/** How each known field of the body is read; any other field is carried along. */
export const fieldReaders: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ["model", readModel],
  [
    "messages",
    (draft, value, problems) => {
      draft.sawMessages = true;
      const { messages, extras } = readMessages(problems, value);
      draft.request.messages = messages;
      if (extras !== undefined) carry(draft, "messages", extras);
    },
  ],
  [
    "tools",
    (draft, value, problems) => {
      const { tools, extras } = readTools(problems, value);
      draft.request.tools = tools;
      if (extras !== undefined) carry(draft, "tools", extras);
    },
  ],
  [
    "tool_choice",
    (draft, value, problems) => {
      draft.request.toolChoice = readToolChoice(problems, value);
    },
  ],
  [
    "parallel_tool_calls",
    (draft, value, problems) => {
      draft.parallel = readBoolean(problems, "parallel_tool_calls", value);
    },
  ],
  [
    "max_tokens",
    (draft, value, problems) => {
      draft.maxTokens = readInteger(problems, "max_tokens", value, tokens);
    },
  ],
  [
    "max_completion_tokens",
    (draft, value, problems) => {
      draft.maxCompletionTokens = readInteger(problems, "max_completion_tokens", value, tokens);
    },
  ],
  sampled("temperature", "temperature", { min: 0, max: 2 }),
  sampled("topP", "top_p", { min: 0, max: 1 }),
  sampled("frequencyPenalty", "frequency_penalty", { min: -2, max: 2 }),
  sampled("presencePenalty", "presence_penalty", { min: -2, max: 2 }),
  [
    "top_k",
    (draft, value, problems) => {
      samplingOf(draft.request).topK = readInteger(problems, "top_k", value, tokens);
    },
  ],
  [
    "seed",
    (draft, value, problems) => {
      const max = Number.MAX_SAFE_INTEGER;
      const seed = readInteger(problems, "seed", value, { min: -max, max });
      if (seed !== undefined) samplingOf(draft.request).seed = BigInt(seed);
    },
  ],
  ["stop", readStop],
  [
    "n",
    (draft, value, problems) => {
      draft.request.candidateCount = readInteger(problems, "n", value, { min: 1, max: 128 });
    },
  ],
  [
    "response_format",
    (draft, value, problems) => {
      draft.request.responseFormat = readResponseFormat(problems, value);
    },
  ],
  [
    "reasoning_effort",
    (draft, value, problems) => {
      const effort = readText(problems, "reasoning_effort", value, { min: 1, max: 32 });
      draft.request.reasoning = { $typeName: "penstock.inference.v1.Reasoning", effort };
    },
  ],
  [
    "stream",
    (draft, value, problems) => {
      draft.stream = readBoolean(problems, "stream", value) ?? false;
    },
  ],
  ["stream_options", readStreamOptions],
  [
    "user",
    (draft, value, problems) => {
      draft.request.endUser = readText(problems, "user", value, userLength);
    },
  ],
  ["metadata", readMetadata],
  ...[...wishMembers].map(([name, read]): [string, FieldReader] => [
    name,
    (draft, value, problems) => read(problems, (draft.wishes ??= newWishes()), value),
  ]),
  ["logit_bias", readLogitBias],
  [
    "logprobs",
    (draft, value, problems) => {
      draft.logprobs = readBoolean(problems, "logprobs", value);
    },
  ],
  [
    "top_logprobs",
    (draft, value, problems) => {
      draft.topLogprobs = readInteger(problems, "top_logprobs", value, { min: 0, max: 20 });
    },
  ],
  [
    "service_tier",
    (draft, value, problems) => {
      const length = { min: 1, max: 64 };
      draft.request.serviceTier = readText(problems, "service_tier", value, length);
    },
  ],
  ["modalities", readModalities],
  refused("audio", "is not served: answers carry no audio"),
  refused("functions", "is the legacy form; use tools"),
  refused("function_call", "is the legacy form; use tool_choice"),
  refused("best_of", "belongs to another API; use n"),
]);

function readModel(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  draft.sawModel = true;
  const model = readModelName(problems, "model", value);
  if (model !== undefined) draft.request.model = model;
}

function readStop(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const list =
    typeof value === "string" ? [value] : readList(problems, "stop", value, maxStopCount);
  const stops: string[] = [];
  for (const [index, member] of (list ?? []).entries()) {
    const field = typeof value === "string" ? "stop" : `stop[${index}]`;
    const stop = readText(problems, field, member, { min: 1, max: 1_024 });
    if (stop !== undefined) stops.push(stop);
  }
  samplingOf(draft.request).stopSequences = stops;
}

function readStreamOptions(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const options = readObject(problems, "stream_options", value);
  if (options === undefined) return;
  const usage = options["include_usage"];
  if (usage != null) {
    draft.includeUsage = readBoolean(problems, "stream_options.include_usage", usage) ?? false;
  }
  const others = otherFields(options, new Set(["include_usage"]));
  if (others !== undefined) carry(draft, "stream_options", others);
}

/** Metadata is the provider's to store; what fits a label is a label for Penstock as well. */
function readMetadata(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const metadata = readObject(problems, "metadata", value);
  if (metadata === undefined) return;
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadataCount) {
    problems.add("metadata", `must have at most ${maxMetadataCount} members`);
    return;
  }
  for (const [key, member] of entries) {
    const field = `metadata.${key}`;
    if (key.length > maxLabelLength)
      problems.add(field, "must have a name of at most 64 characters");
    const text = readText(problems, field, member, { min: 0, max: 512 });
    if (text !== undefined && key !== "" && text.length <= maxLabelLength) {
      draft.request.labels[key] = text;
    }
  }
  carry(draft, "metadata", metadata);
}

function readLogitBias(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const biases = readObject(problems, "logit_bias", value);
  if (biases === undefined) return;
  if (Object.keys(biases).length > maxLogitBiasCount) {
    problems.add("logit_bias", `must have at most ${maxLogitBiasCount} members`);
  } else carry(draft, "logit_bias", biases);
}

function readModalities(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const list = readList(problems, "modalities", value, 8);
  if (list === undefined) return;
  if (list.some((member) => member !== "text")) {
    problems.addUnsupported("modalities", "must be text alone: answers carry no audio");
  } else carry(draft, "modalities", list);
}

function carry(draft: RequestDraft, key: string, value: unknown): void {
  draft.extras ??= {};
  draft.extras[key] = value;
}
