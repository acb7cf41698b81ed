import { VectorEncoding, type TokenUsage } from "@penstock/api";
import type { ExpectedVectors } from "../embedding-format.ts";
import type { RelayedAnswer, TextRange } from "../format.ts";
import { JsonWalker, keyBytes } from "../json-walker.ts";
import { readPlainUsage } from "../openai-chat/plain-usage.ts";
import { newCounts, usageOf } from "../openai-chat/usage.ts";
import { takeModel } from "../scanned-model.ts";
import { areVectorBytes } from "../vector-encoding.ts";
import { scanNumbers } from "./scan-numbers.ts";

/** What a scan has found of a whole answer; each member at most once. */
interface AnswerScan {
  readonly text: string;
  readonly body: Uint8Array;
  readonly asBytes: boolean;
  /** Empty: it is not there. */
  id: string;
  modelName: string;
  model: TextRange | undefined;
  isList: boolean;
  sawCreated: boolean;
  sawData: boolean;
  vectors: number;
  /** Length of each vector; undefined: nothing has said it. */
  length: number | undefined;
  usage: TokenUsage | undefined;
  warnings: string[];
}

/** A vector while its members are read. */
interface ScannedVector {
  readonly of: AnswerScan;
  isEmbedding: boolean;
  sawIndex: boolean;
  /** 0: it has not come. */
  length: number;
}

const [id, object, data] = [keyBytes("id"), keyBytes("object"), keyBytes("data")];
const [model, usage, created] = [keyBytes("model"), keyBytes("usage"), keyBytes("created")];
const [index, embedding] = [keyBytes("index"), keyBytes("embedding")];
const [listWord, embeddingWord] = [keyBytes('"list"'), keyBytes('"embedding"')];
const bytesPerNumber = 4;
const prototypeKey = "__proto__";

/**
 * Looks over an answer that may go to the caller as it came, without making any of its numbers: its
 * vectors are all there, in their order, of the length and in the encoding that the caller is to get,
 * with the members that callers rely on. Undefined for any other, and where there is a member that
 * is not known here: those are left to `readResponse`, which says what is wrong.
 */
export function relayResponse(
  text: string,
  body: Uint8Array,
  expected: ExpectedVectors,
  encoding: VectorEncoding,
): RelayedAnswer | undefined {
  const scan: AnswerScan = {
    text,
    body,
    asBytes: encoding === VectorEncoding.BYTES,
    id: "",
    modelName: "",
    model: undefined,
    isList: false,
    sawCreated: false,
    sawData: false,
    vectors: 0,
    length: expected.dimensions,
    usage: undefined,
    warnings: [],
  };
  if (!new JsonWalker(text, body).walkWhole(scan, takeTop)) return undefined;
  const { model: place, modelName, usage: told, warnings } = scan;
  if (place === undefined || told === undefined || !scan.isList) return undefined;
  if (scan.vectors !== expected.count) return undefined;
  const end = {
    candidates: [],
    // Nothing is written: what a server counts as output beside its vectors is no output.
    usage: { ...told, outputTokens: 0n },
    // It stands in the text that the caller gets.
    rawUsage: undefined,
    responseId: scan.id,
    model: modelName,
    warnings,
  };
  return { model: place, end };
}

function takeTop(walker: JsonWalker, scan: AnswerScan): number {
  if (walker.isKey(data)) return takeData(walker, scan);
  if (walker.isKey(model)) return takeModel(walker, scan);
  if (walker.isKey(usage)) return takeUsage(walker, scan);
  if (walker.isKey(object)) return takeObject(walker, scan);
  if (walker.isKey(id)) return takeId(walker, scan);
  return walker.isKey(created) ? takeCreated(walker, scan) : -1;
}

function takeObject(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  if (scan.isList || !walker.spells(start, listWord)) return -1;
  scan.isList = true;
  return start + listWord.length;
}

function takeId(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const end = walker.endOfPlainText(start);
  if (end < 0 || scan.id !== "") return -1;
  scan.id = walker.plainText(start, end);
  return scan.id === "" ? -1 : end;
}

function takeCreated(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const end = walker.endOfValue(start);
  if (end < 0 || scan.sawCreated) return -1;
  scan.sawCreated = true;
  return Number.isSafeInteger(walker.parse(start, end)) ? end : -1;
}

/** Clients rely on both counts. */
function takeUsage(walker: JsonWalker, scan: AnswerScan): number {
  const start = walker.valueStart;
  const counts = newCounts();
  const end = readPlainUsage(walker, start, counts);
  if (end < 0 || scan.usage !== undefined) return -1;
  if (counts.input === undefined || counts.total === undefined) return -1;
  if (scan.text.slice(start, end).includes(prototypeKey)) return -1;
  scan.usage = usageOf(counts, scan.warnings);
  return end;
}

function takeData(walker: JsonWalker, scan: AnswerScan): number {
  if (scan.sawData) return -1;
  scan.sawData = true;
  return walker.walkList(walker.valueStart, scan, takeVector);
}

function takeVector(walker: JsonWalker, scan: AnswerScan, start: number): number {
  const vector = { of: scan, isEmbedding: false, sawIndex: false, length: 0 };
  const end = walker.walk(start, vector, takeInVector);
  if (end < 0 || !vector.isEmbedding || !vector.sawIndex) return -1;
  scan.length ??= vector.length;
  if (vector.length === 0 || vector.length !== scan.length) return -1;
  scan.vectors += 1;
  return end;
}

function takeInVector(walker: JsonWalker, vector: ScannedVector): number {
  const start = walker.valueStart;
  if (walker.isKey(embedding)) {
    if (vector.length > 0) return -1;
    if (vector.of.asBytes) return takeBytes(walker, vector);
    return scanNumbers(vector.of.body, start, vector);
  }
  if (walker.isKey(index)) {
    const end = walker.endOfCount(start);
    if (end < 0 || vector.sawIndex) return -1;
    vector.sawIndex = true;
    return walker.countAt(start, end) === vector.of.vectors ? end : -1;
  }
  if (!walker.isKey(object) || vector.isEmbedding) return -1;
  if (!walker.spells(start, embeddingWord)) return -1;
  vector.isEmbedding = true;
  return start + embeddingWord.length;
}

/** Base64 as it would be written anew: with all of its padding, and nothing between. */
function takeBytes(walker: JsonWalker, vector: ScannedVector): number {
  const start = walker.valueStart;
  const end = walker.endOfText(start);
  const bytes = end < 0 ? undefined : decode(vector.of.text.slice(start + 1, end - 1));
  if (bytes === undefined || !areVectorBytes(bytes)) return -1;
  vector.length = bytes.length / bytesPerNumber;
  return end;
}

function decode(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text);
    return bytes.toBase64() === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
