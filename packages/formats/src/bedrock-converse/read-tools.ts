import { ToolChoiceMode, type GenerateRequest, type Tool, type ToolChoice } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readBoolean, readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { ownContent } from "./own-part.ts";
import { readCachePoint } from "./read-blocks.ts";

const maxToolCount = 512;
const nameLength = { min: 1, max: 64 };
const configFields: ReadonlySet<string> = new Set(["tools", "toolChoice"]);
const specFields: ReadonlySet<string> = new Set(["name", "description", "inputSchema", "strict"]);

/** Reads `toolConfig` into the request; gives the members that have no place there. */
export function readToolConfig(
  problems: FieldProblems,
  value: unknown,
  request: GenerateRequest,
): Record<string, unknown> | undefined {
  const fields = readObject(problems, "toolConfig", value);
  if (fields === undefined) return undefined;
  request.tools = readTools(problems, fields["tools"]);
  if (fields["toolChoice"] != null) {
    request.toolChoice = readToolChoice(problems, fields["toolChoice"]);
  }
  return otherFields(fields, configFields);
}

function readTools(problems: FieldProblems, value: unknown): Tool[] {
  const tools: Tool[] = [];
  const list = readList(problems, "toolConfig.tools", value, maxToolCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `toolConfig.tools[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields === undefined) continue;
    const last = tools.at(-1);
    const marker = readCachePoint(fields["cachePoint"]);
    if (marker !== undefined && last !== undefined && last.cacheMarker === undefined) {
      last.cacheMarker = marker;
    } else tools.push(readTool(problems, `${path}.toolSpec`, fields));
  }
  return tools;
}

function readTool(problems: FieldProblems, path: string, fields: Record<string, unknown>): Tool {
  const spec = fields["toolSpec"];
  const known = isJsonObject(spec) && otherFields(spec, specFields) === undefined;
  if (spec === undefined || (isJsonObject(spec) && !known)) {
    return newTool({ name: nameOf(fields), formatPart: ownContent(fields) });
  }
  const { name, description, inputSchema, strict } = readObject(problems, path, spec) ?? {};
  const schema = readObject(problems, `${path}.inputSchema`, inputSchema) ?? {};
  const json = readObject(problems, `${path}.inputSchema.json`, schema["json"]);
  return newTool({
    name: readText(problems, `${path}.name`, name, nameLength) ?? "",
    description:
      description == null ? undefined : readText(problems, `${path}.description`, description),
    inputSchema: json as JsonObject | undefined,
    strict: strict == null ? undefined : readBoolean(problems, `${path}.strict`, strict),
  });
}

/** The name of a tool that the provider has, or of one with unknown members. */
function nameOf(fields: Record<string, unknown>): string {
  for (const member of Object.values(fields)) {
    if (isJsonObject(member) && typeof member["name"] === "string") return member["name"];
  }
  return Object.keys(fields)[0] ?? "";
}

function newTool(fields: Omit<Tool, "$typeName">): Tool {
  return { $typeName: "penstock.inference.v1.Tool", ...fields };
}

function readToolChoice(problems: FieldProblems, value: unknown): ToolChoice | undefined {
  const path = "toolConfig.toolChoice";
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  if (isJsonObject(fields["auto"])) return newToolChoice(ToolChoiceMode.AUTO);
  if (isJsonObject(fields["any"])) return newToolChoice(ToolChoiceMode.REQUIRED);
  const tool = fields["tool"];
  if (!isJsonObject(tool)) {
    problems.add(path, "must be auto, any or tool");
    return undefined;
  }
  const name = readText(problems, `${path}.tool.name`, tool["name"], nameLength);
  return name === undefined ? undefined : newToolChoice(ToolChoiceMode.NAMED, name);
}

function newToolChoice(mode: ToolChoiceMode, toolName = ""): ToolChoice {
  return { $typeName: "penstock.inference.v1.ToolChoice", mode, toolName };
}
