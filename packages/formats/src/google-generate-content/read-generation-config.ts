import type { GenerateRequest, Reasoning, ResponseFormat, Sampling } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import {
  readBoolean,
  readInteger,
  readList,
  readNumber,
  readObject,
  readText,
} from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { newSampling, samplingOf } from "../new-request.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { member, otherMembers } from "./proto-json.ts";

const maxInt32 = 2_147_483_647;
const tokens = { min: 1, max: maxInt32 };
const maxStopCount = 16;

const known: ReadonlySet<string> = new Set([
  "maxOutputTokens",
  "temperature",
  "topP",
  "topK",
  "stopSequences",
  "seed",
  "candidateCount",
  "presencePenalty",
  "frequencyPenalty",
  "responseMimeType",
  "responseJsonSchema",
  "thinkingConfig",
  "responseLogprobs",
  "logprobs",
]);

/** Reads `generationConfig` into the request; gives what has no place in it. */
export function readGenerationConfig(
  problems: FieldProblems,
  value: unknown,
  request: GenerateRequest,
): Record<string, unknown> | undefined {
  const path = "generationConfig";
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  const sampling = readSampling(problems, fields);
  if (sampling !== undefined) request.sampling = sampling;
  const candidates = member(fields, "candidateCount");
  if (candidates != null) {
    const range = { min: 1, max: 128 };
    request.candidateCount = readInteger(problems, `${path}.candidateCount`, candidates, range);
  }
  readLogprobs(problems, fields, request);
  let extras = otherMembers(fields, known);
  const format = readResponseFormat(problems, fields);
  if (format.responseFormat !== undefined) request.responseFormat = format.responseFormat;
  if (format.extra !== undefined) extras = { ...extras, ...format.extra };
  const thinking = member(fields, "thinkingConfig");
  if (thinking != null) {
    const read = readThinking(problems, `${path}.thinkingConfig`, thinking);
    if (read.reasoning !== undefined) request.reasoning = read.reasoning;
    // Kept even when empty: it says that thoughts were not asked for.
    extras = { ...extras, thinkingConfig: read.extra };
  }
  return extras;
}

/** Whether probabilities are asked for, and of how many tokens at each place. */
function readLogprobs(
  problems: FieldProblems,
  fields: Record<string, unknown>,
  request: GenerateRequest,
): void {
  const path = "generationConfig";
  const asked = member(fields, "responseLogprobs");
  const given = fields["logprobs"];
  const wanted = asked != null && readBoolean(problems, `${path}.responseLogprobs`, asked);
  const count =
    given == null ? 0 : readInteger(problems, `${path}.logprobs`, given, { min: 0, max: 20 });
  if (wanted === true) {
    samplingOf(request).topLogprobs = count;
  } else if (given != null) {
    problems.add(`${path}.logprobs`, "needs responseLogprobs to be true");
  }
}

function readSampling(
  problems: FieldProblems,
  fields: Record<string, unknown>,
): Sampling | undefined {
  const sampling = newSampling();
  let said = false;
  const read = (name: string, take: (field: string, value: unknown) => void): void => {
    const value = member(fields, name);
    if (value == null) return;
    said = true;
    take(`generationConfig.${name}`, value);
  };
  read("maxOutputTokens", (field, value) => {
    sampling.maxOutputTokens = readInteger(problems, field, value, tokens);
  });
  read("temperature", (field, value) => {
    sampling.temperature = readNumber(problems, field, value, { min: 0, max: 2 });
  });
  read("topP", (field, value) => {
    sampling.topP = readNumber(problems, field, value, { min: 0, max: 1 });
  });
  read("topK", (field, value) => {
    sampling.topK = readInteger(problems, field, value, tokens);
  });
  read("seed", (field, value) => {
    const seed = readInteger(problems, field, value, { min: -maxInt32 - 1, max: maxInt32 });
    if (seed !== undefined) sampling.seed = BigInt(seed);
  });
  for (const name of ["presencePenalty", "frequencyPenalty"] as const) {
    read(name, (field, value) => {
      sampling[name] = readNumber(problems, field, value, { min: -2, max: 2 });
    });
  }
  read("stopSequences", (field, value) => {
    const list = readList(problems, field, value, maxStopCount) ?? [];
    for (const [index, member] of list.entries()) {
      const stop = readText(problems, `${field}[${index}]`, member, { min: 1, max: 1_024 });
      if (stop !== undefined) sampling.stopSequences.push(stop);
    }
  });
  return said ? sampling : undefined;
}

/** The form of the answer. What the canonical one can't hold goes into `extra` beside it. */
function readResponseFormat(
  problems: FieldProblems,
  fields: Record<string, unknown>,
): { responseFormat?: ResponseFormat; extra?: Record<string, unknown> } {
  const path = "generationConfig";
  const value = member(fields, "responseMimeType");
  const type = value == null ? "" : readText(problems, `${path}.responseMimeType`, value);
  if (type === "text/plain") return { responseFormat: newFormat({ case: "text", value: true }) };
  if (type !== "application/json") {
    // An enum, or a type of a later version, which only this format has a word for.
    const schema = member(fields, "responseJsonSchema");
    const extra = {
      ...(type ? { responseMimeType: type } : {}),
      ...(schema == null ? {} : { responseJsonSchema: schema }),
    };
    return Object.keys(extra).length === 0 ? {} : { extra };
  }
  const jsonSchema = member(fields, "responseJsonSchema");
  const older = member(fields, "responseSchema");
  if (jsonSchema == null && older == null) {
    return { responseFormat: newFormat({ case: "jsonObject", value: true }) };
  }
  const name = jsonSchema == null ? "responseSchema" : "responseJsonSchema";
  const given = readObject(problems, `${path}.${name}`, jsonSchema ?? older);
  const schema = jsonSchema == null && given !== undefined ? jsonSchemaOf(given) : given;
  return {
    responseFormat: newFormat({
      case: "jsonSchema",
      value: {
        $typeName: "penstock.inference.v1.JsonSchemaFormat",
        name: "response",
        schema: schema as JsonObject | undefined,
      },
    }),
  };
}

function newFormat(format: ResponseFormat["format"]): ResponseFormat {
  return { $typeName: "penstock.inference.v1.ResponseFormat", format };
}

function readThinking(
  problems: FieldProblems,
  path: string,
  value: unknown,
): { reasoning: Reasoning | undefined; extra: Record<string, unknown> } {
  const fields = readObject(problems, path, value) ?? {};
  const reasoning: Reasoning = { $typeName: "penstock.inference.v1.Reasoning" };
  // A level stays as it was written as well, since its model knows it best.
  const extra = otherMembers(fields, new Set(["thinkingBudget"])) ?? {};
  const budget = member(fields, "thinkingBudget");
  // -1 leaves the budget to the model, for which there is no canonical word.
  if (budget === -1) extra["thinkingBudget"] = -1;
  else if (budget != null) {
    const range = { min: 0, max: maxInt32 };
    reasoning.maxTokens = readInteger(problems, `${path}.thinkingBudget`, budget, range);
  }
  const level = member(fields, "thinkingLevel");
  if (level != null) {
    const text = readText(problems, `${path}.thinkingLevel`, level, { min: 1, max: 32 });
    reasoning.effort = text?.toLowerCase();
  }
  const said = reasoning.maxTokens !== undefined || reasoning.effort !== undefined;
  return { reasoning: said ? reasoning : undefined, extra };
}
