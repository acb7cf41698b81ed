import { keyBytes, type JsonWalker } from "../json-walker.ts";
import {
  hasInputDetails,
  hasOutputDetails,
  takeInputDetail,
  takeOutputDetail,
} from "../openai-chat/plain-usage.ts";
import type { UsageCounts } from "../openai-chat/usage.ts";

const openBrace = 123;
const [inputTokens, outputTokens] = [keyBytes("input_tokens"), keyBytes("output_tokens")];
const totalTokens = keyBytes("total_tokens");
const inputDetails = keyBytes("input_tokens_details");
const outputDetails = keyBytes("output_tokens_details");

/**
 * Reads the usage object that begins at `start` right from the text of an answer: one of whole
 * counts and their details alone. Gives where it ends; -1 for any other, which is to be parsed.
 */
export function readPlainUsage(walker: JsonWalker, start: number, counts: UsageCounts): number {
  return walker.walk(start, counts, takeTotal);
}

function takeTotal(walker: JsonWalker, counts: UsageCounts): number {
  const start = walker.valueStart;
  // Details that are given twice are left to who parses them: the last ones count, as a whole.
  if (walker.isKey(inputDetails)) {
    if (hasInputDetails(counts)) return -1;
    if (walker.at(start) === openBrace) return walker.walk(start, counts, takeInputDetail);
  } else if (walker.isKey(outputDetails)) {
    if (hasOutputDetails(counts)) return -1;
    if (walker.at(start) === openBrace) return walker.walk(start, counts, takeOutputDetail);
  }
  const end = walker.endOfCount(start);
  if (end < 0) return -1;
  const count = walker.countAt(start, end);
  if (walker.isKey(inputTokens)) counts.input = count;
  else if (walker.isKey(outputTokens)) counts.output = count;
  else if (walker.isKey(totalTokens)) counts.total = count;
  return end;
}
