import type { ContentPart, TokenLogprob, TokenLogprobs } from "@penstock/api";
import { newLogprobs } from "../logprobs.ts";
import { isJsonObject } from "../read-json.ts";

/** More tokens of one piece are never looked at; as many as the longest answers have. */
const maxTokenCount = 262_144;
const maxTopCount = 20;

/**
 * Reads `logprobsResult`: what was chosen, and the likeliest at each place. Undefined when it is not
 * there or not in the documented form.
 */
export function readLogprobsResult(value: unknown): TokenLogprobs | undefined {
  if (!isJsonObject(value)) return undefined;
  const { chosenCandidates: chosen, topCandidates: top } = value;
  if (!Array.isArray(chosen) || chosen.length === 0 || chosen.length > maxTokenCount) {
    return undefined;
  }
  const places: unknown[] = Array.isArray(top) ? top : [];
  const tokens = chosen.flatMap((one: unknown, place) => readToken(one, places[place]));
  return tokens.length === chosen.length ? newLogprobs(tokens) : undefined;
}

function readToken(value: unknown, place: unknown): TokenLogprob[] {
  if (!isJsonObject(value) || typeof value["token"] !== "string") return [];
  // Proto JSON leaves a zero out: the token was certain.
  const { token, logProbability: logprob = 0 } = value;
  if (typeof logprob !== "number") return [];
  const others: unknown = isJsonObject(place) ? place["candidates"] : undefined;
  const list: unknown[] = Array.isArray(others) ? others.slice(0, maxTopCount) : [];
  return [
    {
      $typeName: "penstock.inference.v1.TokenLogprob",
      token,
      logprob,
      bytes: new Uint8Array(),
      top: list.flatMap((one) => readToken(one, undefined)),
    },
  ];
}

/** Writes the probabilities of all texts of an answer; undefined when none has any. */
export function writeLogprobsResult(
  known: readonly (TokenLogprobs | undefined)[],
): Record<string, unknown> | undefined {
  const tokens = known.flatMap((one) => one?.tokens ?? []);
  if (tokens.length === 0) return undefined;
  return {
    chosenCandidates: tokens.map(writeToken),
    topCandidates: tokens.map(({ top }) => ({ candidates: top.map(writeToken) })),
  };
}

function writeToken({ token, logprob }: TokenLogprob): Record<string, unknown> {
  return { token, logProbability: logprob };
}

/** Puts the probabilities of an answer's text to its only text part; false when it has several. */
export function putLogprobs(parts: readonly ContentPart[], logprobs: TokenLogprobs): boolean {
  const texts = parts.flatMap(({ part }) => (part.case === "text" ? [part.value] : []));
  const [only] = texts;
  if (only === undefined || texts.length > 1) return false;
  only.logprobs = logprobs;
  return true;
}

/** What a caller learns about probabilities that have no place in the answer. */
export const lostLogprobs = "logprobs_dropped: the answer has several texts, or none";
