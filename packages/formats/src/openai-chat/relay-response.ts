import type { CandidateFinish } from "@penstock/api";
import type { AnswerEnd, RelayedAnswer } from "../format.ts";
import { JsonWalker } from "../json-walker.ts";
import { candidateOf, newFinish } from "./read-response.ts";
import { scanAnswer, type ScannedChoice } from "./scan-answer.ts";

/**
 * Looks over a whole answer that may go to the caller as it came: its id, model and usage are there
 * and believable, each choice has a message, and ended in a way that callers know. Undefined for
 * any other, which `readResponse` takes. Of what stands inside of messages it looks no further than
 * for content that is a list, as Mistral's models that reason give it: clients rely on text.
 */
export function relayResponse(text: string, body: Uint8Array): RelayedAnswer | undefined {
  const scan = scanAnswer(new JsonWalker(text, body));
  if (scan === undefined) return undefined;
  const { id, model, modelName, usage, choices, serviceTier } = scan;
  if (id === "" || model === undefined) return undefined;
  if (usage === undefined || choices === undefined) return undefined;
  const candidates = finishesOf(choices);
  if (candidates === undefined) return undefined;
  const end: AnswerEnd = {
    candidates,
    usage,
    // It stands in the text that the caller gets.
    rawUsage: undefined,
    responseId: id,
    model: modelName,
    warnings: scan.warnings,
  };
  if (serviceTier) end.serviceTier = serviceTier;
  return { model, end };
}

function finishesOf(choices: readonly ScannedChoice[]): CandidateFinish[] | undefined {
  const finishes: CandidateFinish[] = [];
  for (let position = 0; position < choices.length; position += 1) {
    const choice = choices[position];
    if (choice?.finishReason === undefined) return undefined;
    finishes.push(newFinish(candidateOf(choice.index, position), choice.finishReason));
  }
  if (finishes.length === 1) return finishes;
  return finishes.sort((one, other) => one.candidate - other.candidate);
}
