import type { GenerateRequest, ResponseFormat } from "@penstock/api";
import { claudeSchema } from "../claude-schema.ts";
import { claudeEffort, claudeThinking, type ClaudeTarget } from "../claude-thinking.ts";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";

type Written = Record<string, unknown>;

/**
 * Writes how the model thinks: in the caller's own words where it spoke this format, else from the
 * budget or the effort.
 */
export function writeThinking(
  request: GenerateRequest,
  extras: JsonObject | undefined,
  target: ClaudeTarget,
): Written | undefined {
  const own = extras?.["thinking"];
  const { reasoning } = request;
  const budget = reasoning?.maxTokens;
  if (isJsonObject(own)) {
    return own["type"] === "enabled" && budget !== undefined
      ? { ...own, budget_tokens: budget }
      : own;
  }
  // In this format an effort says nothing about thinking.
  if (budget === undefined && isJsonObject(extras?.["output_config"])) return undefined;
  const thinking = claudeThinking(request, target);
  return thinking && { ...thinking };
}

/** Writes effort and schema; words of the caller besides them stay. */
export function writeOutputConfig(
  { reasoning, responseFormat }: GenerateRequest,
  extras: JsonObject | undefined,
  target: ClaudeTarget,
): Written | undefined {
  const own = extras?.["output_config"];
  const others = isJsonObject(own) ? own : undefined;
  // A caller's own words are for the provider to judge.
  const effort = others === undefined ? claudeEffort(reasoning?.effort, target) : reasoning?.effort;
  const format = writeFormat(responseFormat, others === undefined ? target : undefined);
  if (effort === undefined && format === undefined && isEmpty(others)) return undefined;
  return { ...others, effort, format };
}

function isEmpty(object: JsonObject | undefined): boolean {
  return object === undefined || Object.keys(object).length === 0;
}

/** A schema of another format is said as this one's models can follow it. */
function writeFormat(
  wanted: ResponseFormat | undefined,
  target: ClaudeTarget | undefined,
): Written | undefined {
  if (wanted?.format.case !== "jsonSchema") return undefined;
  const { schema = {} } = wanted.format.value;
  return {
    type: "json_schema",
    schema: target === undefined ? schema : claudeSchema(schema, target.warn),
  };
}
