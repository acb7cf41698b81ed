import { keyBytes, type JsonWalker } from "../json-walker.ts";
import type { UsageCounts } from "./usage.ts";

const openBrace = 123;
const [promptTokens, completionTokens] = [keyBytes("prompt_tokens"), keyBytes("completion_tokens")];
const [totalTokens, cachedTokens] = [keyBytes("total_tokens"), keyBytes("cached_tokens")];
const promptDetails = keyBytes("prompt_tokens_details");
const completionDetails = keyBytes("completion_tokens_details");
const cacheHitTokens = keyBytes("prompt_cache_hit_tokens");
const cacheCreationTokens = keyBytes("cache_creation_input_tokens");
const cacheWriteTokens = keyBytes("cache_write_tokens");
const [audioTokens, reasoningTokens] = [keyBytes("audio_tokens"), keyBytes("reasoning_tokens")];
const imageTokens = keyBytes("image_tokens");

/**
 * Reads the usage object that begins at `start` right from the text of an answer: one of whole
 * counts and their details alone, as most servers send it. Gives where it ends; -1 for any other,
 * which is to be parsed.
 */
export function readPlainUsage(walker: JsonWalker, start: number, counts: UsageCounts): number {
  return walker.walk(start, counts, takeTotal);
}

function takeTotal(walker: JsonWalker, counts: UsageCounts): number {
  const start = walker.valueStart;
  // Details that are given twice are left to who parses them: the last ones count, as a whole.
  if (walker.isKey(promptDetails)) {
    if (hasInputDetails(counts)) return -1;
    if (walker.at(start) === openBrace) return walker.walk(start, counts, takeInputDetail);
  } else if (walker.isKey(completionDetails)) {
    if (hasOutputDetails(counts)) return -1;
    if (walker.at(start) === openBrace) return walker.walk(start, counts, takeOutputDetail);
  }
  const end = walker.endOfCount(start);
  if (end < 0) return -1;
  const count = walker.countAt(start, end);
  if (walker.isKey(promptTokens)) counts.input = count;
  else if (walker.isKey(completionTokens)) counts.output = count;
  else if (walker.isKey(totalTokens)) counts.total = count;
  else if (walker.isKey(cachedTokens)) counts.cachedBeside = count;
  else if (walker.isKey(cacheHitTokens)) counts.cacheHit = count;
  else if (walker.isKey(cacheCreationTokens)) counts.cacheCreation = count;
  return end;
}

/** Whether details of the input were read. */
export function hasInputDetails({ cached, written, audioInput, imageInput }: UsageCounts): boolean {
  if (cached !== undefined || written !== undefined) return true;
  return audioInput !== undefined || imageInput !== undefined;
}

/** Whether details of the output were read. */
export function hasOutputDetails({ reasoning, audioOutput, imageOutput }: UsageCounts): boolean {
  return reasoning !== undefined || audioOutput !== undefined || imageOutput !== undefined;
}

/** Takes a member of the input's details. */
export function takeInputDetail(walker: JsonWalker, counts: UsageCounts): number {
  const start = walker.valueStart;
  const end = walker.endOfCount(start);
  if (end < 0) return -1;
  const count = walker.countAt(start, end);
  if (walker.isKey(cachedTokens)) counts.cached = count;
  else if (walker.isKey(audioTokens)) counts.audioInput = count;
  else if (walker.isKey(cacheWriteTokens)) counts.written = count;
  else if (walker.isKey(imageTokens)) counts.imageInput = count;
  return end;
}

/** Takes a member of the output's details. */
export function takeOutputDetail(walker: JsonWalker, counts: UsageCounts): number {
  const start = walker.valueStart;
  const end = walker.endOfCount(start);
  if (end < 0) return -1;
  const count = walker.countAt(start, end);
  if (walker.isKey(reasoningTokens)) counts.reasoning = count;
  else if (walker.isKey(audioTokens)) counts.audioOutput = count;
  else if (walker.isKey(imageTokens)) counts.imageOutput = count;
  return end;
}
