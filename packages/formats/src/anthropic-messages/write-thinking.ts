import type { GenerateRequest } from "@penstock/api";
import { claudeThinking } from "../claude-thinking.ts";
import type { JsonObject, TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";

type Written = Record<string, unknown>;

/**
 * Writes how the model thinks: in the caller's own words where it spoke this format, else from the
 * budget. The budget must leave room below the number of output tokens.
 */
export function writeThinking(
  request: GenerateRequest,
  {
    maxTokens,
    extras,
    target,
  }: {
    readonly maxTokens: number;
    readonly extras: JsonObject | undefined;
    readonly target: TargetRequest;
  },
): Written | undefined {
  const own = extras?.["thinking"];
  const { reasoning } = request;
  const budget = reasoning?.maxTokens;
  if (isJsonObject(own)) {
    return own["type"] === "enabled" && budget !== undefined
      ? { ...own, budget_tokens: budget }
      : own;
  }
  if (reasoning?.effort === "none") return { type: "disabled" };
  const thinking = claudeThinking(request, maxTokens, target);
  return thinking && { ...thinking };
}

const efforts = new Map([
  ["minimal", "low"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "xhigh"],
  ["max", "max"],
]);

/** Writes effort and schema; words of the caller besides them stay. */
export function writeOutputConfig(
  { reasoning, responseFormat }: GenerateRequest,
  extras: JsonObject | undefined,
  target: TargetRequest,
): Written | undefined {
  const own = extras?.["output_config"];
  const others = isJsonObject(own) ? own : undefined;
  const effort = writeEffort(reasoning?.effort, target);
  const wanted = responseFormat?.format;
  const format =
    wanted?.case === "jsonSchema"
      ? { type: "json_schema", schema: wanted.value.schema ?? {} }
      : undefined;
  if (others === undefined && effort === undefined && format === undefined) return undefined;
  return { ...others, effort, format };
}

function writeEffort(effort: string | undefined, target: TargetRequest): string | undefined {
  if (effort === undefined || effort === "none") return undefined;
  const known = efforts.get(effort);
  if (known === effort) return effort;
  const change = known === undefined ? "has no place here" : `is ${known}`;
  const what = known === undefined ? "parameter_dropped" : "parameter_changed";
  target.warn?.(`${what}: the effort ${effort} ${change}`);
  return known;
}
