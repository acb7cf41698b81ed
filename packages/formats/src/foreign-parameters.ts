import type { GenerateRequest } from "@penstock/api";
import type { FormatName, JsonObject } from "./format.ts";
import { isOptionalTool } from "./openai-responses/optional-tools.ts";
import { isJsonObject } from "./read-json.ts";

/** The APIs of OpenAI, whose writers take some of each other's parameters. */
const openaiFormats: ReadonlySet<string> = new Set(["openai-chat", "openai-responses"]);
/** Parameters that both of them have. */
const openaiParameters: ReadonlySet<string> = new Set([
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
  "text",
  "verbosity",
]);
/** Members of messages and tools by their position, and theirs by position or name. */
const overlays: ReadonlySet<string> = new Set(["contents", "input", "messages", "tools"]);
/** What overlays are made of themselves: contents, items, parts and functions. */
const overlayParts: ReadonlySet<string> = new Set([
  "content",
  "function",
  "item",
  "items",
  "parts",
]);
/** Members of messages, blocks and tools that change no answer. */
const immaterialMembers: ReadonlySet<string> = new Set([
  "annotations",
  "cache_control",
  "eager_input_streaming",
  "id",
  "index",
  "logprobs",
  // It is part of the name that the tool goes by.
  "namespace",
  // The older form of a schema, which was read.
  "parameters",
  "phase",
  "prompt_cache_breakpoint",
  "status",
  "type",
]);
/** What changes no answer. */
const immaterial: ReadonlySet<string> = new Set([
  "client_metadata",
  "metadata",
  "modalities",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
  "stream_options",
  "system",
  "top_logprobs",
  "truncation",
  "user_location",
]);

/**
 * Tells `warn` of the parameters in the words of other formats that a target of `format` is not
 * sent, because only those formats know them. What has a place in the canonical request is told by
 * the writer of the format.
 */
export function warnOfForeignParameters(
  request: GenerateRequest,
  format: FormatName,
  warn: (warning: string) => void,
): void {
  const { formatParameters } = request;
  for (const tool of request.tools) {
    if (tool.formatPart === undefined || tool.formatPart.format === format) continue;
    if (isOptionalTool(tool, request)) {
      warn(`tool_dropped: ${tool.name}, which only ${tool.formatPart.format} runs`);
    }
  }
  for (const other of Object.keys(formatParameters)) {
    // As a rule all there is, where the caller's body goes on as it came.
    if (other === format) continue;
    const parameters = formatParameters[other] ?? {};
    for (const name of Object.keys(parameters)) {
      for (const lost of lostNames(name, parameters, { from: other, to: format })) {
        warn(`parameter_dropped: ${lost}, which only ${other} knows`);
      }
    }
  }
}

/** Names of what is lost of a parameter: it as a whole, or members of messages and tools. */
function lostNames(
  name: string,
  parameters: JsonObject,
  way: { readonly from: string; readonly to: string },
): readonly string[] {
  if (!overlays.has(name)) return isLost(name, parameters, way) ? [name] : [];
  const members = new Set<string>();
  noteMembers(parameters[name], members);
  return [...members].map((member) => `${name}.${member}`);
}

/** Notes the members of an overlay that say something, whatever message or part they belong to. */
function noteMembers(overlay: unknown, lost: Set<string>): void {
  if (!isJsonObject(overlay)) return;
  for (const name in overlay) {
    const value = overlay[name];
    if (overlayParts.has(name) || isPosition(name)) noteMembers(value, lost);
    else if (!immaterialMembers.has(name) && !saysNothing(value)) lost.add(name);
  }
}

function isPosition(name: string): boolean {
  return /^\d+$/.test(name);
}

/** Whether a value is the same as none: `null`, or nothing but empty lists and objects. */
function saysNothing(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== "object") return false;
  return Object.values(value as object).every(saysNothing);
}

function isLost(
  name: string,
  parameters: JsonObject,
  { from, to }: { readonly from: string; readonly to: string },
): boolean {
  if (immaterial.has(name)) return false;
  const areKin = openaiFormats.has(from) && openaiFormats.has(to);
  if (areKin && openaiParameters.has(name)) return false;
  const value = parameters[name];
  if (saysNothing(value)) return false;
  // Opaque reasoning comes with every answer that has it.
  if (name === "include" && Array.isArray(value)) {
    return value.some((one) => one !== "reasoning.encrypted_content");
  }
  return true;
}
