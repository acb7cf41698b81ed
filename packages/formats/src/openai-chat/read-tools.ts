import { ToolChoiceMode, type Tool, type ToolChoice } from "@penstock/api";
import { findCacheMarker } from "../anthropic-messages/cache-marker.ts";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readBoolean, readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";

/** The tools, and by position what they carried besides. */
export interface Tools {
  tools: Tool[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

const maxToolCount = 512;
const nameLength = { min: 1, max: 128 };
const descriptionLength = { min: 0, max: 65_536 };
const toolFields: ReadonlySet<string> = new Set(["type", "function"]);
const functionFields: ReadonlySet<string> = new Set([
  "name",
  "description",
  "parameters",
  "strict",
]);

/** Reads the tools; only functions have a place in the canonical request. */
export function readTools(problems: FieldProblems, value: unknown): Tools {
  const tools: Tool[] = [];
  let extras: Tools["extras"];
  const names = new Set<string>();
  const list = readList(problems, "tools", value, maxToolCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `tools[${index}]`;
    const fields = readObject(problems, path, list[index]);
    const tool = fields && readTool(problems, path, fields);
    if (fields === undefined || tool === undefined) continue;
    if (names.has(tool.name)) problems.add(`${path}.function.name`, "is the name of two tools");
    names.add(tool.name);
    const others = otherFieldsOf(fields);
    if (others !== undefined) (extras ??= {})[String(tools.length)] = others;
    tools.push(tool);
  }
  return { tools, extras };
}

/** What a tool carries besides, its function's own members among it. */
function otherFieldsOf(fields: Record<string, unknown>): Record<string, unknown> | undefined {
  const others = otherFields(fields, toolFields);
  const declared = fields["function"];
  const own = isJsonObject(declared) ? otherFields(declared, functionFields) : undefined;
  return own === undefined ? others : { ...others, function: own };
}

function readTool(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): Tool | undefined {
  if (fields["type"] !== "function") {
    if (typeof fields["type"] === "string") {
      problems.addUnsupported(`${path}.type`, 'must be "function"; other kinds are not served');
    } else problems.add(`${path}.type`, 'must be "function"');
    return undefined;
  }
  const at = `${path}.function`;
  const declared = readObject(problems, at, fields["function"]);
  if (declared === undefined) return undefined;
  const { description, parameters, strict } = declared;
  const name = readText(problems, `${at}.name`, declared["name"], nameLength);
  const tool: Tool = {
    $typeName: "penstock.inference.v1.Tool",
    name: name ?? "",
    description:
      description == null
        ? undefined
        : readText(problems, `${at}.description`, description, descriptionLength),
    inputSchema:
      parameters == null
        ? undefined
        : (readObject(problems, `${at}.parameters`, parameters) as JsonObject | undefined),
    strict: strict == null ? undefined : readBoolean(problems, `${at}.strict`, strict),
  };
  const marker = findCacheMarker(fields["cache_control"]);
  if (marker !== undefined) tool.cacheMarker = marker;
  return name === undefined ? undefined : tool;
}

const modes = new Map<unknown, ToolChoiceMode>([
  ["auto", ToolChoiceMode.AUTO],
  ["none", ToolChoiceMode.NONE],
  ["required", ToolChoiceMode.REQUIRED],
]);

/** Reads `tool_choice`; whether a named tool exists is checked when all tools are known. */
export function readToolChoice(problems: FieldProblems, value: unknown): ToolChoice | undefined {
  const mode = modes.get(value);
  if (mode !== undefined) return newToolChoice(mode);
  const fields = typeof value === "string" ? undefined : readObject(problems, "tool_choice", value);
  if (fields === undefined) {
    if (typeof value === "string") {
      problems.add("tool_choice", "must be auto, none, required or the name of a function");
    }
    return undefined;
  }
  if (fields["type"] !== "function") {
    problems.addUnsupported("tool_choice.type", 'must be "function"; other kinds are not served');
    return undefined;
  }
  const named = readObject(problems, "tool_choice.function", fields["function"]);
  const name = named && readText(problems, "tool_choice.function.name", named["name"], nameLength);
  return name === undefined ? undefined : newToolChoice(ToolChoiceMode.NAMED, name);
}

/** A tool choice; mode UNSPECIFIED leaves the provider's default. */
export function newToolChoice(mode: ToolChoiceMode, toolName = ""): ToolChoice {
  return { $typeName: "penstock.inference.v1.ToolChoice", mode, toolName };
}
