import type { ToolResultPart } from "@penstock/api";
import { wireCallId } from "./call-id.ts";
import { cannotSay } from "./cannot-say.ts";
import { parseJsonObject } from "./parse-json-object.ts";
import { writeMedia } from "./write-media.ts";

/** Writes the result of the call of a function; the name is that of the function. */
export function writeFunctionResponse(
  result: ToolResultPart,
  name: string,
  path: string,
): Record<string, unknown> {
  const media: Record<string, unknown>[] = [];
  let text: string | undefined;
  for (const [index, { part }] of result.parts.entries()) {
    if (part.case === "text") text = (text ?? "") + part.value.text;
    else if (part.case === "media") {
      media.push(writeMedia(part.value, `${path}.parts[${index}]`));
    } else throw cannotSay(`${path}.parts[${index}]`, part.case ?? "an unknown kind of content");
  }
  return {
    functionResponse: {
      id: wireCallId(result.toolCallId),
      name,
      response: writeOutput(text, result.isError),
      parts: media.length === 0 ? undefined : media,
    },
  };
}

/** A result is an object here: the one that the text is, or one around it. */
function writeOutput(text: string | undefined, isError: boolean): Record<string, unknown> {
  if (isError) return { error: text ?? "" };
  return text === undefined ? {} : (parseJsonObject(text) ?? { output: text });
}
