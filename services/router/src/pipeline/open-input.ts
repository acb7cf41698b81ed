import type { ContentPart, GenerateRequest } from "@penstock/api";

/**
 * Parameters, by format, with which a provider adds to the input what the request does not carry:
 * what it finds in the web, what others' tools answer, a prompt or a cache that it keeps.
 */
const openParameters: readonly (readonly [format: string, parameter: string])[] = [
  ["openai-chat", "web_search_options"],
  ["openai-responses", "prompt"],
  ["anthropic-messages", "mcp_servers"],
  ["google-generate-content", "cachedContent"],
];

/**
 * Whether the input may be larger than the request is: media by their address or by the id of a
 * file, and whatever tools bring that the provider runs itself.
 */
export function hasOpenInput({ formatParameters, messages, tools }: GenerateRequest): boolean {
  return (
    tools.some(({ formatPart }) => formatPart !== undefined) ||
    openParameters.some(([format, name]) => formatParameters[format]?.[name] != null) ||
    messages.some(({ parts }) => parts.some(isElsewhere))
  );
}

function isElsewhere({ part }: ContentPart): boolean {
  if (part.case === "toolResult") return part.value.parts.some(isElsewhere);
  if (part.case !== "media") return false;
  const { case: source } = part.value.source;
  return source === "uri" || source === "fileId";
}
