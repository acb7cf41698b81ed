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
  sawUsage: boolean;
  usage: TokenUsage | undefined;
  warnings: string[];
  /** Empty: it is there, and says nothing. */
  serviceTier: string | undefined;
  /** In their order in the text. */
  choices: ScannedChoice[] | undefined;
}

/** What the scan has seen of a choice; each at most once. */
export interface ScannedChoice {
  index: number | undefined;
  finishReason: string | undefined;
  hasMessage: boolean;
}

const maxCandidateCount = 128;
const openBracket = 91;

const [id, model, error] = [keyBytes("id"), keyBytes("model"), keyBytes("error")];
const [usage, choices] = [keyBytes("usage"), keyBytes("choices")];
const serviceTier = keyBytes("service_tier");
const [index, message] = [keyBytes("index"), keyBytes("message")];
const [finishReason, content] = [keyBytes("finish_reason"), keyBytes("content")];
/** Those that callers know, as values. */
const finishWords = ["stop", "tool_calls", "length", "content_filter"].map((word) => ({
  word,
  bytes: keyBytes(`"${word}"`),
}));

const usageReading = { plain: readPlainUsage, parsed: readUsage };

/**
 * Finds the parts of a Chat Completions answer in one pass, without building anything of its
 * content. Checks that strings and brackets are complete and match, so that a cut or joined text is
 * not taken for an answer; undefined for that, and for whatever is unusual: a key given twice or
 * with an escape, an error beside the choices, an end or content that not all callers know.
 */
export function scanAnswer(walker: JsonWalker): AnswerScan | undefined {
  const scan: AnswerScan = {
    id: "",
    modelName: "",
    model: undefined,
    sawUsage: false,
    usage: undefined,
    warnings: [],
    serviceTier: undefined,
    choices: undefined,
  };
  return walker.walkWhole(scan, takeTop) ? scan : undefined;
}

function takeTop(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  switch (walker.keyLength) {
    case 2:
      if (walker.isKey(id)) return takeId(walker, scan);
      break;
    case 5:
      if (walker.isKey(model)) return takeModel(walker, scan);
      if (walker.isKey(usage)) return takeUsage(walker, scan, usageReading);
      if (walker.isKey(error)) return -1;
      break;
    case 7:
      if (walker.isKey(choices)) return takeChoices(walker, scan);
      break;
    case 12:
      if (walker.isKey(serviceTier)) return takeTier(walker, scan);
      break;
    default:
      break;
  }
  return walker.endOfValue(start);
}

function takeId(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const end = walker.endOfPlainText(start);
  if (end < 0 || scan.id !== "") return -1;
  scan.id = walker.plainText(start, end);
  return scan.id === "" ? -1 : end;
}

function takeTier(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  if (scan.serviceTier !== undefined) return -1;
  const end = walker.endOfPlainText(start);
  scan.serviceTier = end < 0 ? "" : walker.plainText(start, end);
  return end < 0 ? walker.endOfValue(start) : end;
}

function takeChoices(walker: JsonWalker, scan: AnswerScan): number {
  if (scan.choices !== undefined) return -1;
  const found: ScannedChoice[] = [];
  scan.choices = found;
  const end = walker.walkList(walker.valueStart, found, takeChoice);
  return found.length === 0 ? -1 : end;
}

function takeChoice(walker: JsonWalker, found: ScannedChoice[], start: number): number {
  const choice = { index: undefined, finishReason: undefined, hasMessage: false };
  const end = walker.walk(start, choice, takeInChoice);
  if (end < 0 || !choice.hasMessage) return -1;
  return found.push(choice) > maxCandidateCount ? -1 : end;
}

function takeInChoice(walker: JsonWalker, choice: ScannedChoice): number {
  const start = walker.valueStart;
  switch (walker.keyLength) {
    case 5:
      if (walker.isKey(index)) return takeIndex(walker, choice);
      break;
    case 7:
      if (!walker.isKey(message)) break;
      if (choice.hasMessage) return -1;
      choice.hasMessage = true;
      return walker.walk(start, choice, takeInMessage);
    case 13:
      if (walker.isKey(finishReason)) return takeFinish(walker, choice);
      break;
    default:
      break;
  }
  return walker.endOfValue(start);
}

/** Clients rely on text, or none. */
function takeInMessage(walker: JsonWalker): number {
  const start = walker.valueStart;
  const isList = walker.at(start) === openBracket && walker.isKey(content);
  return isList ? -1 : walker.endOfValue(start);
}

function takeIndex(walker: JsonWalker, choice: ScannedChoice): number {
  const start = walker.valueStart;
  const end = walker.endOfCount(start);
  if (end < 0 || choice.index !== undefined) return -1;
  choice.index = walker.countAt(start, end);
  return end;
}

/** A word of the provider's own, or of the legacy form, is translated by who writes the answer. */
function takeFinish(walker: JsonWalker, choice: ScannedChoice): number {
  const start = walker.valueStart;
  if (choice.finishReason !== undefined) return -1;
  for (const { word, bytes } of finishWords) {
    if (!walker.spells(start, bytes)) continue;
    choice.finishReason = word;
    return start + bytes.length;
  }
  return -1;
}
