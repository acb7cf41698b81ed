import { ToolChoiceMode, type Tool, type ToolChoice } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readBoolean, readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { inThisFormat } from "./format-part.ts";
import { newToolChoice } from "../openai-chat/read-tools.ts";

/** The tools, and by position what functions carried besides. */
export interface Tools {
  tools: Tool[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

const maxToolCount = 512;
const nameLength = { min: 1, max: 128 };
const descriptionLength = { min: 0, max: 65_536 };
const functionFields: ReadonlySet<string> = new Set([
  "type",
  "name",
  "description",
  "parameters",
  "strict",
]);

/** Reads the tools; those that only this format knows, run by the provider or free in form, as they are. */
export function readTools(problems: FieldProblems, value: unknown): Tools {
  const read: Tools = { tools: [], extras: undefined };
  const names = new Set<string>();
  const list = readList(problems, "tools", value, maxToolCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `tools[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields === undefined) continue;
    if (fields["type"] !== "function") {
      const type = readText(problems, `${path}.type`, fields["type"], nameLength);
      if (type !== undefined) read.tools.push(ownTool(fields, type));
      continue;
    }
    const tool = readFunction(problems, path, fields);
    if (tool === undefined) continue;
    if (names.has(tool.name)) problems.add(`${path}.name`, "is the name of two tools");
    names.add(tool.name);
    const others = otherFields(fields, functionFields);
    if (others !== undefined) (read.extras ??= {})[String(read.tools.length)] = others;
    read.tools.push(tool);
  }
  return read;
}

function ownTool(fields: Record<string, unknown>, type: string): Tool {
  const { name } = fields;
  return {
    $typeName: "penstock.inference.v1.Tool",
    name: typeof name === "string" && name !== "" ? name.slice(0, nameLength.max) : type,
    formatPart: inThisFormat(fields),
  };
}

function readFunction(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): Tool | undefined {
  const { description, parameters, strict } = fields;
  const name = readText(problems, `${path}.name`, fields["name"], nameLength);
  const tool: Tool = {
    $typeName: "penstock.inference.v1.Tool",
    name: name ?? "",
    description:
      description == null
        ? undefined
        : readText(problems, `${path}.description`, description, descriptionLength),
    inputSchema:
      parameters == null
        ? undefined
        : (readObject(problems, `${path}.parameters`, parameters) as JsonObject | undefined),
    strict: strict == null ? undefined : readBoolean(problems, `${path}.strict`, strict),
  };
  return name === undefined ? undefined : tool;
}

const modes = new Map<unknown, ToolChoiceMode>([
  ["auto", ToolChoiceMode.AUTO],
  ["none", ToolChoiceMode.NONE],
  ["required", ToolChoiceMode.REQUIRED],
]);

/** Reads `tool_choice`; `carried` is a choice that only this format knows. */
export function readToolChoice(
  problems: FieldProblems,
  value: unknown,
): { choice: ToolChoice | undefined; carried?: Record<string, unknown> } {
  const mode = modes.get(value);
  if (mode !== undefined) return { choice: newToolChoice(mode) };
  if (typeof value === "string") {
    problems.add("tool_choice", "must be auto, none, required, or an object");
    return { choice: undefined };
  }
  const fields = readObject(problems, "tool_choice", value);
  if (fields === undefined) return { choice: undefined };
  if (fields["type"] !== "function") {
    const type = readText(problems, "tool_choice.type", fields["type"], nameLength);
    return type === undefined ? { choice: undefined } : { choice: undefined, carried: fields };
  }
  const name = readText(problems, "tool_choice.name", fields["name"], nameLength);
  return { choice: name === undefined ? undefined : newToolChoice(ToolChoiceMode.NAMED, name) };
}
