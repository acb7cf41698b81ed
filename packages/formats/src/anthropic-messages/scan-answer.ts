import type { TextRange } from "../format.ts";
import { keyBytes, type JsonWalker } from "../json-walker.ts";
import { takeModel } from "../scanned-model.ts";

/** What a scan has found of a whole answer; each member at most once. */
export interface AnswerScan {
  isMessage: boolean;
  /** Empty: it is not there. */
  id: string;
  modelName: string;
  model: TextRange | undefined;
  content: TextRange | undefined;
  /** Whether the content has what the model thought. */
  hasThoughts: boolean;
  usage: TextRange | undefined;
  stopReason: string | undefined;
  /** What is known of the stop besides; undefined where it is not there, or null. */
  stopSequence: TextRange | undefined;
  stopDetails: TextRange | undefined;
}

const openBrace = 123;
const [id, type, model, error] = ["id", "type", "model", "error"].map(keyBytes) as Keys;
const [usage, content] = [keyBytes("usage"), keyBytes("content")];
const [stopReason, stopSequence] = [keyBytes("stop_reason"), keyBytes("stop_sequence")];
const stopDetails = keyBytes("stop_details");
const [message, nothing] = [keyBytes('"message"'), keyBytes("null")];
const [thinking, redacted] = [keyBytes('"thinking"'), keyBytes('"redacted_thinking"')];

type Keys = [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/**
 * Finds the parts of a message in one pass, without building anything of its content. Checks that
 * strings and brackets are complete and match, so that a cut or joined text is not taken for an
 * answer; undefined for that, and for whatever is unusual: a key given twice or with an escape, an
 * error, an id or model that is not plain.
 */
export function scanAnswer(walker: JsonWalker): AnswerScan | undefined {
  const scan: AnswerScan = {
    isMessage: false,
    id: "",
    modelName: "",
    model: undefined,
    content: undefined,
    hasThoughts: false,
    usage: undefined,
    stopReason: undefined,
    stopSequence: undefined,
    stopDetails: undefined,
  };
  return walker.walkWhole(scan, takeTop) ? scan : undefined;
}

function takeTop(walker: JsonWalker, scan: AnswerScan): number {
  switch (walker.keyLength) {
    case 2:
      if (walker.isKey(id)) return takeId(walker, scan);
      break;
    case 4:
      if (walker.isKey(type)) return takeType(walker, scan);
      break;
    case 5:
      if (walker.isKey(model)) return takeModel(walker, scan);
      if (walker.isKey(usage)) return takeRange(walker, scan, "usage");
      if (walker.isKey(error)) return -1;
      break;
    case 7:
      if (walker.isKey(content)) return takeContent(walker, scan);
      break;
    case 11:
      if (walker.isKey(stopReason)) return takeStopReason(walker, scan);
      break;
    case 12:
      if (walker.isKey(stopDetails)) return takeRange(walker, scan, "stopDetails");
      break;
    case 13:
      if (walker.isKey(stopSequence)) return takeRange(walker, scan, "stopSequence");
      break;
    default:
      break;
  }
  return walker.endOfValue(walker.valueStart);
}

function takeId(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const end = walker.endOfPlainText(start);
  if (end < 0 || scan.id !== "") return -1;
  scan.id = walker.plainText(start, end);
  return end;
}

function takeType(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  if (scan.isMessage || !walker.spells(start, message)) return -1;
  scan.isMessage = true;
  return start + message.length;
}

function takeStopReason(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const end = walker.endOfPlainText(start);
  if (end < 0 || scan.stopReason !== undefined) return -1;
  scan.stopReason = walker.plainText(start, end);
  return end;
}

function takeRange(
  walker: JsonWalker,
  scan: AnswerScan,
  name: "usage" | "stopSequence" | "stopDetails",
): number {
  const start = walker.valueStart;
  const end = walker.endOfValue(start);
  if (end < 0 || scan[name] !== undefined) return -1;
  if (!walker.spells(start, nothing)) scan[name] = { start, end };
  return end;
}

function takeContent(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  if (scan.content !== undefined) return -1;
  const end = walker.walkList(start, scan, takeBlock);
  if (end >= 0) scan.content = { start, end };
  return end;
}

function takeBlock(walker: JsonWalker, scan: AnswerScan, start: number): number {
  const isBlock = walker.at(start) === openBrace;
  return isBlock ? walker.walk(start, scan, takeInBlock) : walker.endOfValue(start);
}

/** Of a block nothing is wanted but whether it is a thought. */
function takeInBlock(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  if (walker.isKey(type)) {
    scan.hasThoughts ||= walker.spells(start, thinking) || walker.spells(start, redacted);
  }
  return walker.endOfValue(start);
}
