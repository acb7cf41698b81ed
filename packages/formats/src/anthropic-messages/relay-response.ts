import { FinishReason } from "@penstock/api";
import type { AnswerEnd, RelayedAnswer, TextRange } from "../format.ts";
import { JsonWalker } from "../json-walker.ts";
import { isJsonObject } from "../read-json.ts";
import { scanAnswer } from "./scan-answer.ts";
import { readFinish } from "./stop-reason.ts";
import { readUsage, servedTierOf } from "./usage.ts";

/**
 * Looks over a whole answer that may go to the caller as it came: it is a message with id, model,
 * content and believable usage, and ended in a way that callers know. Undefined for any other,
 * which `readResponse` takes. What stands inside of its content is not looked at.
 */
export function relayResponse(text: string, body: Uint8Array): RelayedAnswer | undefined {
  const walker = new JsonWalker(text, body);
  const scan = scanAnswer(walker);
  if (scan === undefined || !scan.isMessage || scan.id === "") return undefined;
  const { model, content, stopReason } = scan;
  if (model === undefined || content === undefined || !stopReason) return undefined;
  const finish = readFinish({
    stop_reason: stopReason,
    stop_sequence: valueAt(walker, scan.stopSequence),
    stop_details: valueAt(walker, scan.stopDetails),
  });
  if (finish.reason === FinishReason.UNSPECIFIED) return undefined;
  const { usage, raw, warnings } = readUsage(valueAt(walker, scan.usage));
  if (usage === undefined) return undefined;
  const end: AnswerEnd = {
    candidates: [finish],
    usage,
    rawUsage: raw,
    responseId: scan.id,
    model: scan.modelName,
    warnings,
  };
  const servedTier = servedTierOf(raw);
  if (servedTier !== undefined) end.servedTier = servedTier;
  const signature = scan.hasThoughts ? signatureIn(valueAt(walker, content)) : undefined;
  return signature === undefined ? { model, end } : { model, end, signature };
}

/** The proof of the last reasoning. Content is read for it only where there is any. */
function signatureIn(blocks: unknown): string | undefined {
  if (!Array.isArray(blocks)) return undefined;
  let last: unknown;
  for (const block of blocks.filter(isJsonObject)) {
    if (block["type"] === "thinking") last = block["signature"] ?? last;
    else if (block["type"] === "redacted_thinking") last = block["data"] ?? last;
  }
  return typeof last === "string" && last !== "" ? last : undefined;
}

function valueAt(walker: JsonWalker, range: TextRange | undefined): unknown {
  return range && walker.parse(range.start, range.end);
}
