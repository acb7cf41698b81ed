import type { GenerateRequest, JsonSchemaFormat, Reasoning, ResponseFormat } from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { cannotSay } from "./cannot-say.ts";
import { budgetByEffort, budgetRangeOf, isThirdGeneration, levelOf } from "./model-rules.ts";

type Written = Record<string, unknown>;

/** Texts that may end an answer at most (ai.google.dev/api/generate-content, GenerationConfig). */
const maxStopCount = 5;

/** Writes `generationConfig`; undefined when nothing is to be said. */
export function writeGenerationConfig(
  request: GenerateRequest,
  target: TargetRequest,
  extras: unknown,
): Written | undefined {
  const { sampling, reasoning } = request;
  const carried = isJsonObject(extras) ? extras : undefined;
  const stops = sampling?.stopSequences ?? [];
  if (stops.length > maxStopCount) {
    throw cannotSay("sampling.stop_sequences", `more than ${maxStopCount} texts`);
  }
  const config: Written = {
    maxOutputTokens: sampling?.maxOutputTokens,
    temperature: sampling?.temperature,
    topP: sampling?.topP,
    topK: sampling?.topK,
    stopSequences: stops.length === 0 ? undefined : stops,
    seed: seedOf(sampling?.seed, target),
    candidateCount: request.candidateCount,
    presencePenalty: sampling?.presencePenalty,
    frequencyPenalty: sampling?.frequencyPenalty,
    responseLogprobs: sampling?.topLogprobs === undefined ? undefined : true,
    logprobs: sampling?.topLogprobs || undefined,
    thinkingConfig: writeThinking(reasoning, target, carried?.["thinkingConfig"]),
  };
  if (request.responseFormat !== undefined) {
    Object.assign(config, writeResponseFormat(request.responseFormat, carried));
  }
  const whole = carried === undefined ? config : { ...carried, ...config };
  return saysSomething(whole) ? whole : undefined;
}

function saysSomething(config: Written): boolean {
  for (const name in config) if (config[name] !== undefined) return true;
  return false;
}

/** Seeds have 32 bits here; a longer one is folded, which keeps it repeatable. */
function seedOf(seed: bigint | undefined, { warn }: TargetRequest): number | undefined {
  if (seed === undefined) return undefined;
  const folded = BigInt.asIntN(32, seed);
  if (folded !== seed) warn?.("approximated: the seed is folded to 32 bits");
  return Number(folded);
}

function writeResponseFormat({ format }: ResponseFormat, carried: Written | undefined): Written {
  switch (format.case) {
    case "text":
      return { responseMimeType: "text/plain" };
    case "jsonObject":
      return { responseMimeType: "application/json" };
    case "jsonSchema":
      // The older form of a schema, where the caller wrote that, stands among what is carried.
      return carried !== undefined && "responseSchema" in carried
        ? { responseMimeType: "application/json" }
        : { responseMimeType: "application/json", responseJsonSchema: schemaOf(format.value) };
    default:
      return {};
  }
}

/** The API has no place for what the answer is, but its schema has. */
function schemaOf({ schema, description }: JsonSchemaFormat): unknown {
  if (description === undefined || schema === undefined) return schema;
  return { description, ...schema };
}

/** A level for models that know levels, a budget for others; never both, which is refused. */
function writeThinking(
  reasoning: Reasoning | undefined,
  target: TargetRequest,
  extras: unknown,
): Written | undefined {
  const carried = isJsonObject(extras) ? extras : undefined;
  if (reasoning === undefined) return carried;
  if (carried?.["thinkingLevel"] != null && reasoning.maxTokens === undefined) return carried;
  const amount = amountOf(reasoning, target);
  if (amount === undefined) return carried;
  // Who asks for thinking in another format expects to see the thoughts where they can be seen.
  const shown = carried ?? (amount["thinkingBudget"] === 0 ? {} : { includeThoughts: true });
  return { ...shown, ...amount };
}

/** A budget within what the model takes. */
function fitting(budget: number, { model, warn }: TargetRequest): number {
  const range = budgetRangeOf(model);
  if (range === undefined || (budget === 0 && range.off)) return budget;
  const within = Math.min(Math.max(budget, range.min), range.max);
  if (within !== budget) warn?.(`approximated: the budget to think with is ${within} tokens`);
  return within;
}

function amountOf({ effort, maxTokens }: Reasoning, target: TargetRequest): Written | undefined {
  if (maxTokens !== undefined) return { thinkingBudget: fitting(maxTokens, target) };
  if (effort === undefined) return undefined;
  if (!isThirdGeneration(target.model)) {
    const thinkingBudget = budgetByEffort.get(effort);
    if (thinkingBudget !== undefined) return { thinkingBudget: fitting(thinkingBudget, target) };
  } else if (effort === "none") {
    target.warn?.("approximated: the model can't be kept from thinking; it thinks least");
    return { thinkingLevel: levelOf("minimal", target.model) };
  } else {
    const thinkingLevel = levelOf(effort, target.model);
    if (thinkingLevel !== undefined) return { thinkingLevel };
  }
  target.warn?.("parameter_dropped: an effort of reasoning that the model does not know");
  return undefined;
}
