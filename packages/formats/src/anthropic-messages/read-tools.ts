import { ToolChoiceMode, type Tool, type ToolChoice } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readBoolean, readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { otherCacheWords, readCacheMarker } from "./cache-marker.ts";
import { formatPart } from "./own-words.ts";

/** The tools, and by position what they carried besides. */
export interface Tools {
  tools: Tool[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

const maxToolCount = 512;
const nameLength = { min: 1, max: 256 };
const descriptionLength = { min: 0, max: 65_536 };
const toolFields: ReadonlySet<string> = new Set([
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
]);

/** Reads the tools: functions of the caller, and those that only this format has words for. */
export function readTools(problems: FieldProblems, value: unknown): Tools {
  const read: Tools = { tools: [], extras: undefined };
  const names = new Set<string>();
  const list = readList(problems, "tools", value, maxToolCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `tools[${index}]`;
    const fields = readObject(problems, path, list[index]);
    const tool = fields && readTool(problems, path, fields);
    if (fields === undefined || tool === undefined) continue;
    if (names.has(tool.name)) problems.add(`${path}.name`, "is the name of two tools");
    names.add(tool.name);
    const others = tool.formatPart === undefined ? otherWords(fields) : undefined;
    if (others !== undefined) (read.extras ??= {})[String(read.tools.length)] = others;
    read.tools.push(tool);
  }
  return read;
}

function otherWords(fields: Record<string, unknown>): Record<string, unknown> | undefined {
  const others = otherFields(fields, toolFields);
  const cacheWords = otherCacheWords(fields["cache_control"]);
  return cacheWords === undefined ? others : { ...others, cache_control: cacheWords };
}

function readTool(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): Tool | undefined {
  const { type, description, input_schema: schema, strict } = fields;
  if (type != null && type !== "custom") return readOwnTool(problems, path, fields);
  const name = readText(problems, `${path}.name`, fields["name"], nameLength);
  const inputSchema = readObject(problems, `${path}.input_schema`, schema);
  const marker = readCacheMarker(problems, `${path}.cache_control`, fields["cache_control"]);
  const tool: Tool = {
    $typeName: "penstock.inference.v1.Tool",
    name: name ?? "",
    description:
      description == null
        ? undefined
        : readText(problems, `${path}.description`, description, descriptionLength),
    inputSchema: inputSchema as JsonObject | undefined,
    strict: strict == null ? undefined : readBoolean(problems, `${path}.strict`, strict),
    ...(marker === undefined ? {} : { cacheMarker: marker }),
  };
  return name === undefined || inputSchema === undefined ? undefined : tool;
}

/** A tool that the provider runs or has defined; some, such as a toolset of a server, have no name. */
function readOwnTool(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): Tool | undefined {
  const type = readText(problems, `${path}.type`, fields["type"], nameLength);
  if (type === undefined) return undefined;
  const given = fields["name"] ?? fields["mcp_server_name"] ?? type;
  const name = readText(problems, `${path}.name`, given, nameLength);
  if (name === undefined) return undefined;
  return { $typeName: "penstock.inference.v1.Tool", name, formatPart: formatPart(fields) };
}

const modes = new Map<unknown, ToolChoiceMode>([
  ["auto", ToolChoiceMode.AUTO],
  ["any", ToolChoiceMode.REQUIRED],
  ["tool", ToolChoiceMode.NAMED],
  ["none", ToolChoiceMode.NONE],
]);

/** Reads `tool_choice`; whether a named tool exists is checked when all tools are known. */
export function readToolChoice(problems: FieldProblems, value: unknown): ToolChoice | undefined {
  const fields = readObject(problems, "tool_choice", value);
  if (fields === undefined) return undefined;
  const mode = modes.get(fields["type"]);
  if (mode === undefined) {
    problems.add("tool_choice.type", "must be auto, any, tool or none");
    return undefined;
  }
  const named = mode === ToolChoiceMode.NAMED;
  const toolName = named
    ? (readText(problems, "tool_choice.name", fields["name"], nameLength) ?? "")
    : "";
  const choice: ToolChoice = { $typeName: "penstock.inference.v1.ToolChoice", mode, toolName };
  const single = fields["disable_parallel_tool_use"];
  if (single != null) {
    const path = "tool_choice.disable_parallel_tool_use";
    const disabled = readBoolean(problems, path, single);
    if (disabled !== undefined) choice.parallel = !disabled;
  }
  return choice;
}
