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
import type { JsonObject } from "../format.ts";
import { samplingOf } from "../new-request.ts";
import { wishMembers } from "../wishes/read-wish-member.ts";
import { newWishes, type Wishes } from "../wishes/wishes.ts";
import { readToolChoice, readTools } from "./read-tools.ts";
import { isStrictSchema } from "./strict-schema.ts";

/** A request while its fields are read. */
export interface RequestDraft {
  request: GenerateRequest;
  /** Read together, as the system prompt is the first message. */
  system: unknown;
  messages: unknown;
  stream: boolean;
  wishes: Wishes | undefined;
  /** What becomes `format_parameters["anthropic-messages"]`. */
  extras: Record<string, unknown> | undefined;
}

type FieldReader = (draft: RequestDraft, value: unknown, problems: FieldProblems) => void;

const maxInt32 = 2_147_483_647;
const tokens = { min: 1, max: maxInt32 };
const maxStopCount = 16;
const userIdLength = { min: 0, max: 256 };
const metadataFields: ReadonlySet<string> = new Set(["user_id"]);

/** A field of `sampling` that is a number within bounds. */
function sampled(
  name: "temperature" | "topP",
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

/** How each known field of the body is read; any other field is carried along. */
export const fieldReaders: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ["model", readModel],
  ["system", (draft, value) => void (draft.system = value)],
  ["messages", (draft, value) => void (draft.messages = value)],
  [
    "max_tokens",
    (draft, value, problems) => {
      const count = readInteger(problems, "max_tokens", value, tokens);
      if (count !== undefined) samplingOf(draft.request).maxOutputTokens = count;
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
  sampled("temperature", "temperature", { min: 0, max: 1 }),
  sampled("topP", "top_p", { min: 0, max: 1 }),
  [
    "top_k",
    (draft, value, problems) => {
      samplingOf(draft.request).topK = readInteger(problems, "top_k", value, tokens);
    },
  ],
  ["stop_sequences", readStopSequences],
  ["thinking", readThinkingConfig],
  ["output_config", readOutputConfig],
  ["metadata", readMetadata],
  [
    "stream",
    (draft, value, problems) => {
      draft.stream = readBoolean(problems, "stream", value) ?? false;
    },
  ],
  ...[...wishMembers].map(([name, read]): [string, FieldReader] => [
    name,
    (draft, value, problems) => read(problems, (draft.wishes ??= newWishes()), value),
  ]),
]);

function readModel(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const model = readModelName(problems, "model", value);
  if (model !== undefined) draft.request.model = model;
}

function readStopSequences(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const stops: string[] = [];
  for (const [index, member] of (
    readList(problems, "stop_sequences", value, maxStopCount) ?? []
  ).entries()) {
    const field = `stop_sequences[${index}]`;
    const stop = readText(problems, field, member, { min: 1, max: 1_024 });
    if (stop !== undefined) stops.push(stop);
  }
  if (stops.length > 0) samplingOf(draft.request).stopSequences = stops;
}

/** The budget has a place; how the model thinks besides is in the words of the format. */
function readThinkingConfig(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const thinking = readObject(problems, "thinking", value);
  if (thinking === undefined) return;
  if (readText(problems, "thinking.type", thinking["type"], { min: 1, max: 64 }) === undefined) {
    return;
  }
  carry(draft, "thinking", thinking);
  if (thinking["type"] !== "enabled") return;
  const field = "thinking.budget_tokens";
  const budget = readInteger(problems, field, thinking["budget_tokens"], tokens);
  if (budget !== undefined) reasoning(draft).maxTokens = budget;
}

function readOutputConfig(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const config = readObject(problems, "output_config", value);
  if (config === undefined) return;
  const { effort, format } = config;
  if (effort != null) {
    const words = readText(problems, "output_config.effort", effort, { min: 1, max: 32 });
    if (words !== undefined) reasoning(draft).effort = words;
  }
  if (format != null) readOutputFormat(draft, format, problems);
  // Kept even when empty: it says that these are the words of this format.
  carry(draft, "output_config", otherFields(config, new Set(["effort", "format"])) ?? {});
}

function readOutputFormat(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const format = readObject(problems, "output_config.format", value);
  if (format === undefined) return;
  if (format["type"] !== "json_schema") {
    problems.add("output_config.format.type", "must be json_schema");
    return;
  }
  const schema = readObject(problems, "output_config.format.schema", format["schema"]);
  draft.request.responseFormat = {
    $typeName: "penstock.inference.v1.ResponseFormat",
    format: {
      case: "jsonSchema",
      value: {
        $typeName: "penstock.inference.v1.JsonSchemaFormat",
        // The format has no names for schemas; others want one.
        name: "output",
        schema: schema as JsonObject | undefined,
        ...(schema !== undefined && isStrictSchema(schema) ? { strict: true } : {}),
      },
    },
  };
}

function readMetadata(draft: RequestDraft, value: unknown, problems: FieldProblems): void {
  const metadata = readObject(problems, "metadata", value);
  if (metadata === undefined) return;
  const userId = metadata["user_id"];
  if (userId != null) {
    draft.request.endUser = readText(problems, "metadata.user_id", userId, userIdLength);
  }
  const others = otherFields(metadata, metadataFields);
  if (others !== undefined) carry(draft, "metadata", others);
}

function reasoning({ request }: RequestDraft): NonNullable<GenerateRequest["reasoning"]> {
  return (request.reasoning ??= { $typeName: "penstock.inference.v1.Reasoning" });
}

function carry(draft: RequestDraft, key: string, value: unknown): void {
  draft.extras ??= {};
  draft.extras[key] = value;
}
