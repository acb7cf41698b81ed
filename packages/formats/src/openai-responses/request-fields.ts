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
import { wishMembers } from "../wishes/read-wish-member.ts";
import { newWishes } from "../wishes/wishes.ts";
import { readInput } from "./read-input.ts";
import { readMetadata } from "./read-metadata.ts";
import { readTextConfig } from "./read-text-config.ts";
import { readToolChoice, readTools } from "./read-tools.ts";
import { carry } from "./request-draft.ts";
import type { RequestDraft } from "./request-draft.ts";

type FieldReader = (draft: RequestDraft, value: unknown, problems: FieldProblems) => void;

const maxInt32 = 2_147_483_647;
const tokens = { min: 1, max: maxInt32 };
const maxIncludeCount = 64;

/** Why nothing that is stored at a provider can be named: any target may serve the next request. */
const stateless =
  "is refused: Penstock keeps no answers, and the next one may come from another provider;";

function refused(field: string, why: string): [string, FieldReader] {
  return [field, (_draft, _value, problems) => problems.addUnsupported(field, why)];
}

/** How each known field of the body is read; any other field is carried along. */
export const fieldReaders: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ["model", readModel],
  ["input", readInputField],
  [
    "instructions",
    (draft, value, problems) => {
      draft.instructions = readText(problems, "instructions", value);
    },
  ],
  ["tools", readToolsField],
  [
    "tool_choice",
    (draft, value, problems) => {
      const { choice, carried } = readToolChoice(problems, value);
      draft.request.toolChoice = choice;
      if (carried !== undefined) carry(draft, "tool_choice", carried);
    },
  ],
  [
    "parallel_tool_calls",
    (draft, value, problems) => {
      draft.parallel = readBoolean(problems, "parallel_tool_calls", value);
    },
  ],
  [
    "max_output_tokens",
    (draft, value, problems) => {
      const count = readInteger(problems, "max_output_tokens", value, tokens);
      samplingOf(draft.request).maxOutputTokens = count;
    },
  ],
  [
    "temperature",
    (draft, value, problems) => {
      const range = { min: 0, max: 2 };
      samplingOf(draft.request).temperature = readNumber(problems, "temperature", value, range);
    },
  ],
  [
    "top_p",
    (draft, value, problems) => {
      samplingOf(draft.request).topP = readNumber(problems, "top_p", value, { min: 0, max: 1 });
    },
  ],
  [
    "top_logprobs",
    (draft, value, problems) => {
      draft.topLogprobs = readInteger(problems, "top_logprobs", value, { min: 0, max: 20 });
    },
  ],
  ["include", readInclude],
  [
    "text",
    (draft, value, problems) => {
      const { format, others } = readTextConfig(problems, value);
      draft.request.responseFormat = format;
      if (others !== undefined) carry(draft, "text", others);
    },
  ],
  ["reasoning", readReasoning],
  [
    "stream",
    (draft, value, problems) => {
      draft.stream = readBoolean(problems, "stream", value) ?? false;
    },
  ],
  [
    "store",
    (draft, value, problems) => {
      // Kept only where the provider stores answers for its own purposes; Penstock serves none.
      if (readBoolean(problems, "store", value) === true) carry(draft, "store", true);
    },
  ],
  [
    "service_tier",
    (draft, value, problems) => {
      const length = { min: 1, max: 64 };
      draft.request.serviceTier = readText(problems, "service_tier", value, length);
    },
  ],
  [
    "user",
    (draft, value, problems) => {
      draft.request.endUser = readText(problems, "user", value, { min: 0, max: 256 });
    },
  ],
  [
    "metadata",
    (draft, value, problems) => {
      const metadata = readMetadata(problems, value, draft.request.labels);
      if (metadata !== undefined) carry(draft, "metadata", metadata);
    },
  ],
  ...[...wishMembers].map(([name, read]): [string, FieldReader] => [
    name,
    (draft, value, problems) => read(problems, (draft.wishes ??= newWishes()), value),
  ]),
  [
    "background",
    (_draft, value, problems) => {
      if (readBoolean(problems, "background", value) !== true) return;
      problems.addUnsupported("background", `${stateless} wait for the answer, or stream it`);
    },
  ],
  refused("previous_response_id", `${stateless} send the earlier items in input`),
  refused("conversation", `${stateless} send the earlier items in input`),
]);

function readModel(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  draft.sawModel = true;
  const model = readModelName(problems, "model", value);
  if (model !== undefined) draft.request.model = model;
}

function readInputField(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  draft.sawInput = true;
  const { messages, extras } = readInput(problems, value);
  draft.request.messages = messages;
  if (extras !== undefined) carry(draft, "input", extras);
}

function readToolsField(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const { tools, extras } = readTools(problems, value);
  draft.request.tools = tools;
  if (extras !== undefined) carry(draft, "tools", extras);
}

/** Probabilities have their place in the canonical request; anything else is for the format. */
function readInclude(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const others: string[] = [];
  const list = readList(problems, "include", value, maxIncludeCount) ?? [];
  for (const [index, member] of list.entries()) {
    const name = readText(problems, `include[${index}]`, member, { min: 1, max: 128 });
    if (name === "message.output_text.logprobs") draft.wantsLogprobs = true;
    else if (name !== undefined) others.push(name);
  }
  if (others.length > 0) carry(draft, "include", others);
}

function readReasoning(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const fields = readObject(problems, "reasoning", value);
  if (fields === undefined) return;
  const { effort } = fields;
  if (effort != null) {
    const text = readText(problems, "reasoning.effort", effort, { min: 1, max: 32 });
    draft.request.reasoning = { $typeName: "penstock.inference.v1.Reasoning", effort: text };
  }
  const others = otherFields(fields, new Set(["effort"]));
  if (others !== undefined) carry(draft, "reasoning", others);
}
