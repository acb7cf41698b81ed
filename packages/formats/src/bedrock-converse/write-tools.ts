import { ToolChoiceMode, type GenerateRequest, type Tool } from "@penstock/api";
import { claudeToolSchema } from "../claude-schema.ts";
import type { TargetRequest } from "../format.ts";
import { cannotSay } from "./cannot-say.ts";
import { readsFromS3 } from "./own-part.ts";
import { writeCachePoint } from "./write-blocks.ts";

type Written = Record<string, unknown>;

/** What Bedrock accepts as the name of a tool. */
const acceptedName = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Writes the tools and the choice among them. Bedrock wants tools to be declared wherever the
 * conversation has used any, so that those which the request no longer offers are declared by
 * their names, with a warning.
 */
export function writeToolConfig(
  request: GenerateRequest,
  target: TargetRequest,
): Written | undefined {
  const used = usedTools(request);
  const mode = request.toolChoice?.mode;
  const refusesTools = mode === ToolChoiceMode.NONE;
  if (request.tools.length === 0 && used.size === 0) return undefined;
  if (refusesTools && used.size === 0) {
    target.warn?.("tools_dropped: that none may be called is said by leaving them out");
    return undefined;
  }
  if (refusesTools) {
    target.warn?.(
      "tool_choice_dropped: the conversation has used tools, and they can't be refused",
    );
  }
  if (request.toolChoice?.parallel === false) {
    target.warn?.("parallel_tool_calls_dropped: it can't be said to bedrock-converse");
  }
  if (request.tools.length === 0) {
    target.warn?.(
      "tools_declared: the conversation has used tools that the request does not offer",
    );
    return { tools: [...used].map((name) => ({ toolSpec: toolSpec({ name }) })) };
  }
  const tools = request.tools.flatMap((tool, index) => writeTool(tool, index, target));
  return { tools, toolChoice: writeToolChoice(request) };
}

function usedTools({ messages }: GenerateRequest): Set<string> {
  const names = new Set<string>();
  let results = false;
  for (const { parts } of messages) {
    for (const { part } of parts) {
      if (part.case === "toolCall") names.add(part.value.name);
      results ||= part.case === "toolResult";
    }
  }
  if (results && names.size === 0) names.add("earlier_tool");
  return names;
}

function writeTool(tool: Tool, index: number, target: TargetRequest): Written[] {
  const path = `tools[${index}]`;
  const { formatPart, cacheMarker } = tool;
  const written: Written[] = [];
  if (formatPart === undefined) {
    if (!acceptedName.test(tool.name)) {
      throw cannotSay(
        `${path}.name`,
        "longer than 64 characters or has others than A-Z a-z 0-9 _ -",
      );
    }
    written.push({ toolSpec: toolSpec(tool, target.warn) });
  } else {
    if (formatPart.format !== "bedrock-converse" || formatPart.content === undefined) {
      throw cannotSay(path, `a tool of format ${formatPart.format}`);
    }
    if (readsFromS3(formatPart.content)) throw cannotSay(path, "a tool from S3");
    written.push({ ...formatPart.content });
  }
  const point = cacheMarker && writeCachePoint(cacheMarker, target);
  if (point !== undefined) written.push(point);
  return written;
}

function toolSpec(
  tool: Pick<Tool, "name" | "description" | "inputSchema" | "strict">,
  warn?: TargetRequest["warn"],
): Written {
  const { name, description, inputSchema, strict } = tool;
  return {
    name,
    description: description === "" ? undefined : description,
    inputSchema: { json: claudeToolSchema({ inputSchema, strict }, warn) },
    strict,
  };
}

function writeToolChoice({ toolChoice }: GenerateRequest): Written | undefined {
  switch (toolChoice?.mode) {
    case ToolChoiceMode.AUTO:
      return { auto: {} };
    case ToolChoiceMode.REQUIRED:
      return { any: {} };
    case ToolChoiceMode.NAMED:
      return { tool: { name: toolChoice.toolName } };
    default:
      return undefined;
  }
}
