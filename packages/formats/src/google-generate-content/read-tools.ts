import { ToolChoiceMode, type Tool, type ToolChoice } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readList, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { newToolChoice } from "../openai-chat/read-tools.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { ownWords } from "./own-words.ts";
import { camelCase, member, otherMembers } from "./proto-json.ts";

/** The tools, and by position what functions carried besides. */
export interface Tools {
  tools: Tool[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

const maxToolCount = 512;
const nameLength = { min: 1, max: 128 };
const descriptionLength = { min: 0, max: 65_536 };
const declarationFields: ReadonlySet<string> = new Set([
  "name",
  "description",
  "parametersJsonSchema",
]);
const declarationsOnly: ReadonlySet<string> = new Set(["functionDeclarations"]);

/** Reads `tools`: functions of all entries in order; other kinds are the provider's own. */
export function readTools(problems: FieldProblems, value: unknown): Tools {
  const read: Tools = { tools: [], extras: undefined };
  const list = readList(problems, "tools", value, maxToolCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `tools[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields === undefined) continue;
    const declarations = member(fields, "functionDeclarations");
    if (declarations != null) {
      readDeclarations(problems, `${path}.functionDeclarations`, declarations, read);
    }
    const others = otherMembers(fields, declarationsOnly);
    if (others !== undefined) read.tools.push(ownTool(others));
  }
  const functions = read.tools.filter(({ formatPart }) => formatPart === undefined);
  const names = functions.map(({ name }) => name);
  if (new Set(names).size < names.length) problems.add("tools", "has two functions of one name");
  if (names.length > maxToolCount) {
    problems.add("tools", `must have at most ${maxToolCount} functions`);
  }
  return read;
}

/** A tool that the provider runs itself, such as its search. */
function ownTool(fields: Record<string, unknown>): Tool {
  const name = camelCase(Object.keys(fields)[0] ?? "").slice(0, nameLength.max);
  return { $typeName: "penstock.inference.v1.Tool", name, formatPart: ownWords(fields) };
}

function readDeclarations(
  problems: FieldProblems,
  path: string,
  value: unknown,
  read: Tools,
): void {
  const list = readList(problems, path, value, maxToolCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const at = `${path}[${index}]`;
    const fields = readObject(problems, at, list[index]);
    const name = fields && readText(problems, `${at}.name`, fields["name"], nameLength);
    if (fields === undefined || name === undefined) continue;
    const { description } = fields;
    const extra = otherMembers(fields, declarationFields);
    if (extra !== undefined) (read.extras ??= {})[String(read.tools.length)] = extra;
    read.tools.push({
      $typeName: "penstock.inference.v1.Tool",
      name,
      description:
        description == null
          ? undefined
          : readText(problems, `${at}.description`, description, descriptionLength),
      inputSchema: readParameters(problems, at, fields),
    });
  }
}

/** The schema of the arguments; the older form, which `extras` keeps, as JSON Schema. */
function readParameters(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): JsonObject | undefined {
  const jsonSchema = member(fields, "parametersJsonSchema");
  if (jsonSchema != null) {
    return readObject(problems, `${path}.parametersJsonSchema`, jsonSchema) as
      | JsonObject
      | undefined;
  }
  if (fields["parameters"] == null) return undefined;
  const schema = readObject(problems, `${path}.parameters`, fields["parameters"]);
  return schema && (jsonSchemaOf(schema) as JsonObject);
}

const modes = new Map<unknown, ToolChoiceMode>([
  ["AUTO", ToolChoiceMode.AUTO],
  ["NONE", ToolChoiceMode.NONE],
  ["ANY", ToolChoiceMode.REQUIRED],
]);

const configFields: ReadonlySet<string> = new Set(["functionCallingConfig"]);

/** Reads `toolConfig`: the canonical choice, and all that is not said by it. */
export function readToolConfig(
  problems: FieldProblems,
  value: unknown,
): { choice: ToolChoice | undefined; extra: Record<string, unknown> | undefined } {
  const fields = readObject(problems, "toolConfig", value);
  if (fields === undefined) return { choice: undefined, extra: undefined };
  const path = "toolConfig.functionCallingConfig";
  const others = otherMembers(fields, configFields);
  const given = member(fields, "functionCallingConfig");
  const calling = given == null ? undefined : readObject(problems, path, given);
  if (calling === undefined) return { choice: undefined, extra: others };
  if (member(calling, "streamFunctionCallArguments") === true) {
    problems.addUnsupported(`${path}.streamFunctionCallArguments`, "is not served");
  }
  const mode = modes.get(calling["mode"]);
  const names = member(calling, "allowedFunctionNames");
  const allowed = Array.isArray(names) ? names : [];
  const [only] = allowed;
  if (mode === ToolChoiceMode.REQUIRED && allowed.length === 1 && typeof only === "string") {
    const rest = otherMembers(calling, new Set(["mode", "allowedFunctionNames"]));
    return { choice: newToolChoice(ToolChoiceMode.NAMED, only), extra: withCalling(others, rest) };
  }
  // A mode without a canonical word, such as VALIDATED, goes on as it came.
  const rest = otherMembers(calling, new Set(mode === undefined ? [] : ["mode"]));
  const choice = mode === undefined ? undefined : newToolChoice(mode);
  return { choice, extra: withCalling(others, rest) };
}

function withCalling(
  others: Record<string, unknown> | undefined,
  calling: Record<string, unknown> | undefined,
): Record<string, unknown> | undefined {
  return calling === undefined ? others : { ...others, functionCallingConfig: calling };
}
