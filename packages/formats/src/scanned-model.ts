import type { TextRange } from "./format.ts";
import type { JsonWalker } from "./json-walker.ts";

/** Where an answer names its model: what a relayed one has replaced. */
export interface ScannedModel {
  modelName: string;
  model: TextRange | undefined;
}

/** Notes the model that the walker is at. Gives the end of its name; -1: no plain text, or a second. */
export function takeModel(walker: JsonWalker, scan: ScannedModel): number {
  const start = walker.valueStart;
  const end = walker.endOfPlainText(start);
  if (end < 0 || scan.model !== undefined) return -1;
  scan.modelName = walker.plainText(start, end);
  scan.model = { start, end };
  return end;
}
