import { ToolChoiceMode, type Tool, type ToolChoice } from "@penstock/api";
import { claudeToolSchema } from "../claude-schema.ts";
import type { TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { writeCacheMarker } from "./cache-marker.ts";
import { cannotSay, ownContent } from "./own-words.ts";

type Written = Record<string, unknown>;

/** Writes the tools; `extras` are members by position, as `readTools` found them. */
export function writeTools(
  tools: readonly Tool[],
  { warn }: Pick<TargetRequest, "warn">,
  extras: unknown,
): Written[] | undefined {
  if (tools.length === 0) return undefined;
  return tools.map((tool, index) => {
    if (tool.formatPart !== undefined) {
      const content = ownContent(tool.formatPart);
      if (content !== undefined) return content;
      throw cannotSay(`tools[${index}]`, `a tool of ${tool.formatPart.format}`);
    }
    const own = isJsonObject(extras) ? extras[String(index)] : undefined;
    const others = isJsonObject(own) ? own : undefined;
    return {
      ...others,
      name: tool.name,
      description: tool.description,
      input_schema: claudeToolSchema(tool, warn),
      strict: tool.strict,
      cache_control: writeCacheMarker(tool.cacheMarker, others?.["cache_control"]),
    };
  });
}

/** Writes whether tools are called; undefined where the format's default says the same. */
export function writeToolChoice(
  choice: ToolChoice | undefined,
  tools: readonly Tool[],
): Written | undefined {
  if (choice === undefined || tools.length === 0) return undefined;
  const single = choice.parallel === undefined ? undefined : !choice.parallel;
  switch (choice.mode) {
    case ToolChoiceMode.NONE:
      return { type: "none" };
    case ToolChoiceMode.REQUIRED:
      return { type: "any", disable_parallel_tool_use: single };
    case ToolChoiceMode.NAMED:
      return { type: "tool", name: choice.toolName, disable_parallel_tool_use: single };
    case ToolChoiceMode.AUTO:
      return { type: "auto", disable_parallel_tool_use: single };
    default:
      // Several tools at once are what the format does anyway.
      return single === true ? { type: "auto", disable_parallel_tool_use: true } : undefined;
  }
}
