import type { AnswerEnd, RelayedAnswer } from "../format.ts";
import { JsonWalker } from "../json-walker.ts";
import { readFinish } from "./finish-reason.ts";
import { scanAnswer } from "./scan-answer.ts";

const maxTierLength = 64;

/**
 * Looks over a whole answer that may go to the caller as it came: it is over and no failure, its
 * id, model and usage are there and believable. Undefined for any other, which `readResponse`
 * takes. What stands inside of items is not looked at.
 */
export function relayResponse(text: string, body: Uint8Array): RelayedAnswer | undefined {
  const walker = new JsonWalker(text, body);
  const scan = scanAnswer(walker);
  if (scan === undefined) return undefined;
  const { id, model, modelName, status, usage, serviceTier, sealed } = scan;
  if (id === "" || model === undefined || modelName === "") return undefined;
  if (usage === undefined || !scan.hasOutput) return undefined;
  if (status !== "completed" && status !== "incomplete") return undefined;
  const end: AnswerEnd = {
    candidates: [readFinish(status, scan.incompleteReason, scan.callsTools)],
    usage,
    // It stands in the text that the caller gets.
    rawUsage: undefined,
    responseId: id,
    model: modelName,
    warnings: scan.warnings,
  };
  if (serviceTier !== "") end.serviceTier = serviceTier.slice(0, maxTierLength);
  const signature = sealed && walker.parse(sealed.start, sealed.end);
  return typeof signature === "string" ? { model, end, signature } : { model, end };
}
