import type { TokenUsage } from "@penstock/api";
import type { TextRange } from "../format.ts";
import { keyBytes, type JsonWalker } from "../json-walker.ts";
import { takeModel } from "../scanned-model.ts";
import { takeUsage } from "../scanned-usage.ts";
import { readPlainUsage } from "./plain-usage.ts";
import { readUsage } from "./usage.ts";

/** What a scan has found of a whole answer; each member at most once. */
export interface AnswerScan {
  /** Empty: it is not there. */
  id: string;
  modelName: string;
  model: TextRange | undefined;
  status: string;
  /** Why it is incomplete; empty: that is not said. */
  incompleteReason: string;
  hasOutput: boolean;
  callsTools: boolean;
  /** The sealed content of the last reasoning. */
  sealed: TextRange | undefined;
  sawUsage: boolean;
  usage: TokenUsage | undefined;
  warnings: string[];
  /** Empty: it is not there. */
  serviceTier: string;
}

/** What the scan has seen of an item. */
interface ScannedItem {
  isCall: boolean;
  isReasoning: boolean;
  encrypted: TextRange | undefined;
}

const [quote, openBrace] = [34, 123];
const [id, model, error] = [keyBytes("id"), keyBytes("model"), keyBytes("error")];
const [usage, output, status] = [keyBytes("usage"), keyBytes("output"), keyBytes("status")];
const [serviceTier, incomplete] = [keyBytes("service_tier"), keyBytes("incomplete_details")];
const [reason, type] = [keyBytes("reason"), keyBytes("type")];
const encryptedContent = keyBytes("encrypted_content");
const [nothing, reasoning] = [keyBytes("null"), keyBytes('"reasoning"')];
/** Types of items that ask the caller to run a tool. */
const calls = ['"function_call"', '"custom_tool_call"', '"local_shell_call"'].map(keyBytes);

const usageReading = { plain: readPlainUsage, parsed: readUsage };

/**
 * Finds the parts of an answer in one pass, without building anything of its items. Checks that
 * strings and brackets are complete and match, so that a cut or joined text is not taken for an
 * answer; undefined for that, and for whatever is unusual: a key given twice or with an escape, an
 * error, an id or model that is not plain.
 */
export function scanAnswer(walker: JsonWalker): AnswerScan | undefined {
  const scan: AnswerScan = {
    id: "",
    modelName: "",
    model: undefined,
    status: "",
    incompleteReason: "",
    hasOutput: false,
    callsTools: false,
    sealed: undefined,
    sawUsage: false,
    usage: undefined,
    warnings: [],
    serviceTier: "",
  };
  return walker.walkWhole(scan, takeTop) ? scan : undefined;
}

function takeTop(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  switch (walker.keyLength) {
    case 2:
      if (walker.isKey(id)) return takeWord(walker, scan, "id");
      break;
    case 5:
      if (walker.isKey(model)) return takeModel(walker, scan);
      if (walker.isKey(usage)) return takeUsage(walker, scan, usageReading);
      if (walker.isKey(error)) return walker.spells(start, nothing) ? start + 4 : -1;
      break;
    case 6:
      if (walker.isKey(output)) return takeOutput(walker, scan);
      if (walker.isKey(status)) return takeWord(walker, scan, "status");
      break;
    case 12:
      if (walker.isKey(serviceTier)) return takeWord(walker, scan, "serviceTier");
      break;
    case 18:
      if (walker.isKey(incomplete)) return takeIncomplete(walker, scan);
      break;
    default:
      break;
  }
  return walker.endOfValue(start);
}

function takeWord(
  walker: JsonWalker,
  scan: AnswerScan,
  name: "id" | "status" | "serviceTier" | "incompleteReason",
): number {
  const start = walker.valueStart;
  if (scan[name] !== "") return -1;
  // Of another kind, it says nothing.
  if (walker.at(start) !== quote) return walker.endOfValue(start);
  const end = walker.endOfPlainText(start);
  if (end >= 0) scan[name] = walker.plainText(start, end);
  return end;
}

function takeIncomplete(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const isObject = walker.at(start) === openBrace;
  return isObject ? walker.walk(start, scan, takeReason) : walker.endOfValue(start);
}

function takeReason(walker: JsonWalker, scan: AnswerScan): number {
  if (walker.isKey(reason)) return takeWord(walker, scan, "incompleteReason");
  return walker.endOfValue(walker.valueStart);
}

function takeOutput(walker: JsonWalker, scan: AnswerScan): number {
  if (scan.hasOutput) return -1;
  scan.hasOutput = true;
  return walker.walkList(walker.valueStart, scan, takeItem);
}

function takeItem(walker: JsonWalker, scan: AnswerScan, start: number): number {
  const item: ScannedItem = { isCall: false, isReasoning: false, encrypted: undefined };
  const end = walker.walk(start, item, takeInItem);
  if (end < 0) return -1;
  scan.callsTools ||= item.isCall;
  if (item.isReasoning && item.encrypted !== undefined) scan.sealed = item.encrypted;
  return end;
}

function takeInItem(walker: JsonWalker, item: ScannedItem): number {
  const start = walker.valueStart;
  if (walker.isKey(type)) {
    item.isReasoning = walker.spells(start, reasoning);
    item.isCall = isCall(walker, start);
    return walker.endOfValue(start);
  }
  const isSealed = walker.isKey(encryptedContent);
  const end = walker.endOfValue(start);
  // An empty text seals nothing.
  const isText = isSealed && walker.at(start) === quote && end > start + 2;
  if (isSealed) item.encrypted = isText ? { start, end } : undefined;
  return end;
}

function isCall(walker: JsonWalker, start: number): boolean {
  for (const call of calls) if (walker.spells(start, call)) return true;
  return false;
}
