import { ToolChoiceMode, type GenerateRequest, type Tool } from "@penstock/api";
import { FieldProblems } from "../field-problems.ts";
import type { BodyEdit, JsonObject, TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { cannotSay } from "./cannot-say.ts";
import { formatName } from "./format-name.ts";
import { ownContent } from "./own-words.ts";
import { camelCase } from "./proto-json.ts";
import { knownFields } from "./read-request.ts";
import { writeContents } from "./write-contents.ts";
import { writeGenerationConfig } from "./write-generation-config.ts";

type Written = Record<string, unknown>;

/** Names under which unknown members inside known fields are carried. */
const overlayFields: ReadonlySet<string> = new Set([
  "contents",
  "tools",
  "toolConfig",
  "generationConfig",
]);

/**
 * Writes the body for `generateContent` and `streamGenerateContent`; model and stream stand in the
 * path. Throws UNSUPPORTED_FIELD for what the format has no words for; what it leaves out or says
 * in another way is told to `target.warn`. Labels, wishes, the idempotency key and the end user
 * stay with Penstock.
 */
export function writeRequest(request: GenerateRequest, target: TargetRequest): string {
  return JSON.stringify(requestBody(request, target));
}

/** The members of the body that `writeRequest` writes; see there. */
export function requestBody(request: GenerateRequest, target: TargetRequest): Written {
  const extras = request.formatParameters[formatName];
  if (request.serviceTier !== undefined) target.warn?.("parameter_dropped: tier of service");
  const { contents, systemInstruction } = writeContents(
    request.messages,
    target,
    extras?.["contents"],
  );
  const body: Written = {
    contents,
    systemInstruction,
    tools: writeTools(request.tools, target, extras?.["tools"]),
    toolConfig: writeToolConfig(request, target, extras?.["toolConfig"]),
    generationConfig: writeGenerationConfig(request, target, extras?.["generationConfig"]),
  };
  if (extras !== undefined) addCarried(body, extras);
  return body;
}

/** The body names no model: as it came it is good for every target of this format. */
export function forwardRequest(): BodyEdit {
  return { start: 0, end: 0, text: "" };
}

/**
 * Checks the `format_parameters` of this format of a caller who wrote them directly: throws
 * UNSUPPORTED_FIELD for a name that is refused, or that has its own field in the request.
 */
export function checkGoogleParameters(request: GenerateRequest): void {
  const problems = new FieldProblems();
  for (const name of Object.keys(request.formatParameters[formatName] ?? {})) {
    if (overlayFields.has(name) || isCarried(name)) continue;
    problems.addUnsupported(
      `format_parameters["${formatName}"].${name}`,
      "is refused here: it is a field of the request itself, or no caller may choose it",
    );
  }
  problems.throwIfAny();
}

function isCarried(name: string): boolean {
  return !knownFields.has(camelCase(name)) && !isRefusedField(name);
}

function addCarried(body: Written, extras: JsonObject): void {
  for (const name in extras) {
    if (isCarried(name)) body[name] = extras[name];
  }
}

/** All functions in one entry, then the tools that the provider runs itself. */
function writeTools(
  tools: readonly Tool[],
  { warn }: TargetRequest,
  extras: unknown,
): Written[] | undefined {
  const overlay = isJsonObject(extras) ? extras : {};
  if (tools.some(({ strict }) => strict === true)) {
    warn?.("parameter_dropped: strict of a tool");
  }
  const functionDeclarations: Written[] = [];
  const others: Written[] = [];
  for (const [index, tool] of tools.entries()) {
    const { name, description, inputSchema, formatPart } = tool;
    if (formatPart === undefined) {
      const own = overlay[String(index)];
      const extra = isJsonObject(own) ? own : {};
      const parametersJsonSchema = "parameters" in extra ? undefined : inputSchema;
      functionDeclarations.push({ ...extra, name, description, parametersJsonSchema });
      continue;
    }
    const content = ownContent(formatPart);
    if (content === undefined) throw cannotSay(`tools[${index}]`, `a tool of ${formatPart.format}`);
    others.push(content);
  }
  const written =
    functionDeclarations.length === 0 ? others : [{ functionDeclarations }, ...others];
  return written.length === 0 ? undefined : written;
}

function writeToolConfig(
  { toolChoice }: GenerateRequest,
  { warn }: TargetRequest,
  extras: unknown,
): Written | undefined {
  const overlay = isJsonObject(extras) ? extras : undefined;
  if (toolChoice?.parallel === false) {
    warn?.("parameter_dropped: several tools may be called at once");
  }
  const calling = writeMode(toolChoice?.mode, toolChoice?.toolName ?? "");
  if (calling === undefined) return overlay;
  const more = overlay?.["functionCallingConfig"];
  return {
    ...overlay,
    functionCallingConfig: { ...(isJsonObject(more) ? more : {}), ...calling },
  };
}

function writeMode(mode: ToolChoiceMode | undefined, name: string): Written | undefined {
  switch (mode) {
    case ToolChoiceMode.AUTO:
      return { mode: "AUTO" };
    case ToolChoiceMode.NONE:
      return { mode: "NONE" };
    case ToolChoiceMode.REQUIRED:
      return { mode: "ANY" };
    case ToolChoiceMode.NAMED:
      return { mode: "ANY", allowedFunctionNames: [name] };
    default:
      return undefined;
  }
}
