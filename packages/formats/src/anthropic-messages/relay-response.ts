import { FinishReason, type CandidateFinish } from "@penstock/api";
import type { RelayedAnswer, TextRange } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { scanObject } from "../scan-object.ts";
import { shortText } from "./read-response.ts";
import { readFinish } from "./stop-reason.ts";
import { readUsage } from "./usage.ts";

/** Members that tell how an answer ended. */
const finishFields = ["stop_reason", "stop_sequence", "stop_details"] as const;

/**
 * Looks over a whole answer that may go to the caller as it came: it is a message with id, model,
 * content and believable usage, and ended in a way that callers know. Undefined for any other,
 * which `readResponse` takes. What stands inside of its content is not looked at.
 */
export function relayResponse(text: string): RelayedAnswer | undefined {
  const members = scanObject(text);
  if (members === undefined || members.has("error")) return undefined;
  const value = (name: string): unknown => parse(text, members.get(name));
  const model = members.get("model");
  const content = members.get("content");
  if (model === undefined || content === undefined || value("type") !== "message") return undefined;
  if (text[content.start] !== "[") return undefined;
  const responseId = plainText(text, members.get("id"));
  const modelName = plainText(text, model);
  if (!responseId || modelName === undefined) return undefined;
  const { usage, raw, warnings } = readUsage(value("usage"));
  const finish = finishOf(value);
  if (usage === undefined || finish === undefined) return undefined;
  const end = {
    candidates: [finish],
    usage,
    rawUsage: raw,
    responseId,
    model: modelName,
    warnings,
  };
  const signature = signatureIn(text, content);
  return signature === undefined ? { model, end } : { model, end, signature };
}

/** The proof of the last reasoning. Content is read for it only where there is any. */
function signatureIn(text: string, content: TextRange): string | undefined {
  const signed = text.indexOf('"signature"', content.start) >= 0;
  if (!signed && text.indexOf('"redacted_thinking"', content.start) < 0) return undefined;
  const blocks = parse(text, content);
  if (!Array.isArray(blocks)) return undefined;
  let last: unknown;
  for (const block of blocks.filter(isJsonObject)) {
    if (block["type"] === "thinking") last = block["signature"] ?? last;
    else if (block["type"] === "redacted_thinking") last = block["data"] ?? last;
  }
  return typeof last === "string" && last !== "" ? last : undefined;
}

function finishOf(value: (name: string) => unknown): CandidateFinish | undefined {
  const fields = Object.fromEntries(finishFields.map((name) => [name, value(name)]));
  const finish = readFinish(fields);
  const known = finish.rawReason !== "" && finish.reason !== FinishReason.UNSPECIFIED;
  return known ? finish : undefined;
}

/** A text of printable ASCII without escapes; undefined for any other value. */
function plainText(text: string, range: TextRange | undefined): string | undefined {
  if (range === undefined) return undefined;
  const value = text.slice(range.start, range.end);
  return plain.test(value) ? shortText(value.slice(1, -1)) : undefined;
}

const plain = /^"[\x20\x21\x23-\x5b\x5d-\x7e]*"$/;

/** The value at a place; undefined where it is not JSON. The text is Latin-1 of UTF-8 bytes. */
function parse(text: string, range: TextRange | undefined): unknown {
  if (range === undefined) return undefined;
  const value = text.slice(range.start, range.end);
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
