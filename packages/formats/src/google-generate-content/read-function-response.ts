import type { ContentPart } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readList, readObject, readText } from "../field-values.ts";
import { textPart, toolResultPart } from "../openai-chat/content-parts.ts";
import { isJsonObject } from "../read-json.ts";
import type { CallBook, PartPlace } from "./call-book.ts";
import { placeCallId } from "./call-id.ts";
import { member } from "./proto-json.ts";
import { parseJsonObject } from "./parse-json-object.ts";
import { readMedia } from "./read-media.ts";

const idLength = { min: 1, max: 512 };
const nameLength = { min: 1, max: 256 };
const maxPartCount = 256;

/** Reads the result of a function call. */
export function readFunctionResponse(
  problems: FieldProblems,
  { path, content, part }: PartPlace,
  value: unknown,
  calls: CallBook,
): ContentPart | undefined {
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  const name = readText(problems, `${path}.name`, fields["name"], nameLength);
  const given =
    fields["id"] == null ? undefined : readText(problems, `${path}.id`, fields["id"], idLength);
  const response =
    fields["response"] == null ? {} : readObject(problems, `${path}.response`, fields["response"]);
  if (name === undefined || response === undefined) return undefined;
  const id = calls.answer({ name, given }) ?? placeCallId(content, part);
  const { text, isError } = readOutput(response);
  const parts = text === undefined ? [] : [textPart(text)];
  parts.push(...readMediaParts(problems, `${path}.parts`, fields["parts"]));
  const result = toolResultPart(id, parts);
  if (result.part.case === "toolResult") result.part.value.isError = isError;
  return result;
}

/**
 * The output as text. `output` and `error` are the names that the reference gives to output and
 * error; anything else is output as a whole. `writeOutput` is the way back.
 */
function readOutput(response: Record<string, unknown>): {
  text: string | undefined;
  isError: boolean;
} {
  const names = Object.keys(response);
  if (names.length === 0) return { text: undefined, isError: false };
  const { output, error } = response;
  if (names.length === 1 && typeof error === "string") return { text: error, isError: true };
  if (names.length === 1 && typeof output === "string" && parseJsonObject(output) === undefined) {
    return { text: output, isError: false };
  }
  return { text: JSON.stringify(response), isError: false };
}

function readMediaParts(problems: FieldProblems, path: string, value: unknown): ContentPart[] {
  if (value == null) return [];
  const list = readList(problems, path, value, maxPartCount) ?? [];
  const parts: ContentPart[] = [];
  for (const [index, one] of list.entries()) {
    const at = `${path}[${index}]`;
    const kind = isJsonObject(one) && member(one, "fileData") != null ? "fileData" : "inlineData";
    const media = isJsonObject(one)
      ? readMedia(problems, `${at}.${kind}`, member(one, kind))
      : undefined;
    if (media !== undefined) parts.push(media);
    else if (!isJsonObject(one)) problems.add(at, "must be an object");
  }
  return parts;
}
