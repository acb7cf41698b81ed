import { FinishReason, type CandidateFinish } from "@penstock/api";
import type { AnswerEnd, RelayedAnswer, TextRange } from "../format.ts";
import { isFailedFinish, writeFinishReason } from "./finish-reason.ts";
import { candidateOf, newFinish, shortText } from "./read-response.ts";
import { scanAnswer, type AnswerScan, type ScannedChoice } from "./scan-answer.ts";
import { readUsage } from "./usage.ts";

const maxCandidateCount = 128;

/**
 * Looks over a whole answer that may go to the caller as it came: its id, model and usage are there
 * and believable, each choice has a message, and ended in a way that callers know. Undefined for
 * any other, which `readResponse` takes. Of what stands inside of messages it looks no further than
 * for content that is a list, as Mistral's models that reason give it: clients rely on text.
 */
export function relayResponse(text: string): RelayedAnswer | undefined {
  if (listedContent.test(text)) return undefined;
  const scan = scanAnswer(text);
  if (scan === undefined || scan.choices.length > maxCandidateCount) return undefined;
  const responseId = plainText(text, scan.id);
  const model = plainText(text, scan.model);
  if (!responseId || model === undefined) return undefined;
  const { usage, raw, warnings } = readUsage(parse(text, scan.usage));
  const candidates = finishesOf(text, scan);
  if (usage === undefined || candidates === undefined) return undefined;
  const tier = scan.serviceTier && plainText(text, scan.serviceTier);
  const end: AnswerEnd = { candidates, usage, rawUsage: raw, responseId, model, warnings };
  if (tier) end.serviceTier = tier;
  return { model: withoutSpace(text, scan.model), end };
}

function finishesOf(text: string, { choices }: AnswerScan): CandidateFinish[] | undefined {
  const finishes: CandidateFinish[] = [];
  for (let position = 0; position < choices.length; position += 1) {
    const choice = choices[position];
    const finish = choice && finishOf(text, choice, position);
    if (finish === undefined) return undefined;
    finishes.push(finish);
  }
  return finishes.sort((one, other) => one.candidate - other.candidate);
}

function finishOf(
  text: string,
  choice: ScannedChoice,
  position: number,
): CandidateFinish | undefined {
  const raw = choice.finishReason && plainText(text, choice.finishReason);
  if (raw === undefined || isFailedFinish(raw)) return undefined;
  const index = choice.index && parse(text, choice.index);
  const finish = newFinish(candidateOf(index, position), raw);
  if (finish.reason === FinishReason.UNSPECIFIED) return undefined;
  // A word of the provider's own, or of the legacy form, is translated by who writes the answer.
  return writeFinishReason(finish.reason) === raw ? finish : undefined;
}

/** The value itself: white space around it stays the provider's. */
function withoutSpace(text: string, { start, end }: TextRange): TextRange {
  const value = text.slice(start, end);
  const from = start + value.length - value.trimStart().length;
  return { start: from, end: from + value.trim().length };
}

/** A text of printable ASCII without escapes; undefined for any other value. */
function plainText(text: string, range: TextRange): string | undefined {
  const value = text.slice(range.start, range.end).trim();
  return plain.test(value) ? shortText(value.slice(1, -1)) : undefined;
}

/** The log probabilities of a choice have a `content` too, but of tokens. */
const listedContent = /"content"\s*:\s*\[\s*\{\s*"(?:type|text|thinking)"/;
const plain = /^"[\x20\x21\x23-\x5b\x5d-\x7e]*"$/;

/** The value at a place; undefined where it is not JSON. */
function parse(text: string, { start, end }: TextRange): unknown {
  try {
    return JSON.parse(text.slice(start, end)) as unknown;
  } catch {
    return undefined;
  }
}
