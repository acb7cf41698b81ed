import type { GenerateRequest, Tool } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { formatName } from "./format-part.ts";

/** Tools that the provider runs and that agents offer with every request: an answer does without. */
const optionalTypes: ReadonlySet<unknown> = new Set([
  "web_search",
  "web_search_preview",
  "image_generation",
]);

/**
 * Whether a tool may be left out for a target that can't run it: the provider would run it, nobody
 * insists on it, and there are tools besides.
 */
export function isOptionalTool({ formatPart }: Tool, request: GenerateRequest): boolean {
  if (formatPart?.format !== formatName) return false;
  const type = formatPart.content?.["type"];
  if (!optionalTypes.has(type)) return false;
  const chosen = request.formatParameters[formatName]?.["tool_choice"];
  if (isJsonObject(chosen)) return false;
  return request.tools.some((tool) => !optionalTypes.has(tool.formatPart?.content?.["type"]));
}
