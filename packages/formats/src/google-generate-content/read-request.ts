import { ToolChoiceMode, type GenerateRequest } from "@penstock/api";
import { FieldProblems } from "../field-problems.ts";
import { readModelName } from "../field-values.ts";
import type { CallerRequest, ForwardableBody, JsonObject, RequestAddress } from "../format.ts";
import { newRequest } from "../new-request.ts";
import { readScannedJson } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { readPenstockMember } from "../wishes/read-penstock-member.ts";
import { applyWishes, newWishes, type Wishes } from "../wishes/wishes.ts";
import { formatName } from "./format-name.ts";
import { camelCase, member } from "./proto-json.ts";
import { readContents, systemInstructionOf } from "./read-contents.ts";
import { readGenerationConfig } from "./read-generation-config.ts";
import { readToolConfig, readTools } from "./read-tools.ts";

/** Fields with a place in the canonical request; any other is carried along. */
export const knownFields: ReadonlySet<string> = new Set([
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "model",
  "penstock",
]);

const nowhere = { start: 0, end: 0 };

/**
 * Reads a request of `generateContent` or `streamGenerateContent`; which of them, and for which
 * model, stands in its path. Members without a place in the canonical request travel in
 * `format_parameters["google-generate-content"]`. Throws FIELD_INVALID or UNSUPPORTED_FIELD with the
 * paths of all problems, 20 at most.
 */
export function readRequest(body: Uint8Array, address?: RequestAddress): CallerRequest {
  const { value: fields, scan } = readScannedJson(body);
  const problems = new FieldProblems();
  const request = newRequest();
  request.model = readModel(problems, fields, address);
  const extras = readFields(problems, fields, request);
  const { dialect, report } = readPenstock(problems, fields, request);
  checkToolChoice(problems, request);
  problems.throwIfAny();
  if (Object.keys(extras).length > 0) {
    request.formatParameters[formatName] = extras as JsonObject;
  }
  const plain = !scan.escapedTopLevelKey && !("model" in fields) && !("penstock" in fields);
  const forwardable: ForwardableBody | undefined =
    address !== undefined && plain ? { model: nowhere, fields, includeUsage: true } : undefined;
  const stream = address?.stream ?? false;
  return { request, stream, includeUsage: true, forwardable, wishDialect: dialect, report };
}

/** The path's model; a body may repeat it with the prefix of its resource name. */
function readModel(
  problems: FieldProblems,
  fields: Record<string, unknown>,
  address: RequestAddress | undefined,
): string {
  const given = address?.model ?? fields["model"];
  if (given === undefined) {
    problems.add("model", "is required: it stands in the path");
    return "";
  }
  const model = readModelName(problems, "model", given) ?? "";
  return model.replace(/^models\//, "");
}

function readFields(
  problems: FieldProblems,
  fields: Record<string, unknown>,
  request: GenerateRequest,
): Record<string, unknown> {
  const extras: Record<string, unknown> = {};
  const { messages, extras: ofContents } = readContents(
    problems,
    fields["contents"],
    systemInstructionOf(fields),
  );
  request.messages = messages;
  if (ofContents !== undefined) extras["contents"] = ofContents;
  if (fields["tools"] != null) {
    const { tools, extras: ofTools } = readTools(problems, fields["tools"]);
    request.tools = tools;
    if (ofTools !== undefined) extras["tools"] = ofTools;
  }
  const toolConfig = member(fields, "toolConfig");
  if (toolConfig != null) {
    const { choice, extra } = readToolConfig(problems, toolConfig);
    request.toolChoice = choice;
    if (extra !== undefined) extras["toolConfig"] = extra;
  }
  const config = member(fields, "generationConfig");
  if (config != null) {
    const extra = readGenerationConfig(problems, config, request);
    if (extra !== undefined) extras["generationConfig"] = extra;
  }
  for (const [name, value] of Object.entries(fields)) {
    if (knownFields.has(camelCase(name))) continue;
    if (isRefusedField(name)) {
      const why = "is refused: callers choose no destination, credential or header";
      problems.addUnsupported(name, why);
    } else extras[name] = value;
  }
  return extras;
}

function readPenstock(
  problems: FieldProblems,
  fields: Record<string, unknown>,
  request: GenerateRequest,
): Wishes {
  const wishes = newWishes();
  if (fields["penstock"] == null) return wishes;
  readPenstockMember(problems, wishes, fields["penstock"]);
  applyWishes(request, wishes);
  if (Object.keys(request.labels).length > 16) {
    problems.add("penstock.labels", "must have at most 16 members");
  }
  return wishes;
}

function checkToolChoice(problems: FieldProblems, { toolChoice, tools }: GenerateRequest): void {
  if (toolChoice === undefined || problems.count > 0) return;
  const path = "toolConfig.functionCallingConfig";
  if (toolChoice.mode === ToolChoiceMode.NAMED) {
    if (tools.some((tool) => tool.name === toolChoice.toolName)) return;
    problems.add(`${path}.allowedFunctionNames`, "is not the name of one of the functions");
  } else if (toolChoice.mode === ToolChoiceMode.REQUIRED && tools.length === 0) {
    problems.add(`${path}.mode`, "asks for a function, but there are no functions");
  }
}
