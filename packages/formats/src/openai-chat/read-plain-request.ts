import { MessageRole, type Message } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import type { TextRange } from "../format.ts";
import { keyBytes, type JsonWalker } from "../json-walker.ts";
import { newMessage } from "../new-request.ts";
import { plainField, plainFields } from "../plain-fields.ts";
import { endOfScalar, scalarAt } from "../plain-scalar.ts";
import { textPart } from "./content-parts.ts";
import { fieldReaders, type FieldReader, type RequestDraft } from "./request-fields.ts";

/** What a plain body says of how it may be sent on. */
export interface PlainBody {
  /** Bytes of the value of `model`. */
  readonly model: TextRange;
  /** Those that `ForwardableBody` speaks of. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A body while its fields are read. */
interface Reading {
  readonly draft: RequestDraft;
  readonly problems: FieldProblems;
  /** Bits of the fields that were there. */
  seen: number;
  model: TextRange | undefined;
}

/** A message while its members are read. */
interface Said {
  role: MessageRole | undefined;
  content: string | undefined;
}

type TakeValue = (walker: JsonWalker, reading: Reading) => number;

const maxMessageCount = 10_000;
const [role, content] = [keyBytes("role"), keyBytes("content")];
const includeUsage = keyBytes("include_usage");
const plainRoles = [
  { role: MessageRole.USER, bytes: keyBytes('"user"') },
  { role: MessageRole.ASSISTANT, bytes: keyBytes('"assistant"') },
  { role: MessageRole.SYSTEM, bytes: keyBytes('"system"') },
];

const known = plainFields<TakeValue>({
  model: takeModel,
  messages: takeMessages,
  temperature: scalar("temperature"),
  max_tokens: scalar("max_tokens"),
  max_completion_tokens: scalar("max_completion_tokens"),
  stream: scalar("stream"),
  stream_options: takeStreamOptions,
  user: scalar("user"),
  top_p: scalar("top_p"),
  n: scalar("n"),
  seed: scalar("seed"),
  frequency_penalty: scalar("frequency_penalty"),
  presence_penalty: scalar("presence_penalty"),
  reasoning_effort: scalar("reasoning_effort"),
});

const readModel = readerOf("model");
const streamBit = bitOf("stream");
const streamOptionsBit = bitOf("stream_options");

/**
 * Reads a body of text messages and simple values, as nearly all are, in one pass over its bytes,
 * with nothing built but the request itself. Undefined for any other, and for whatever is wrong,
 * which is left to who reads bodies of all kinds: that one tells of it.
 */
export function readPlainFields(
  walker: JsonWalker,
  draft: RequestDraft,
  problems: FieldProblems,
): PlainBody | undefined {
  const reading: Reading = { draft, problems, seen: 0, model: undefined };
  if (!walker.walkWhole(reading, takeField) || problems.count > 0) return undefined;
  const { model } = reading;
  if (model === undefined) return undefined;
  const { maxTokens, maxCompletionTokens, request } = draft;
  return {
    model,
    fields: {
      max_tokens: maxTokens,
      max_completion_tokens: maxCompletionTokens,
      user: request.endUser,
      seed: request.sampling?.seed,
      stream: (reading.seen & streamBit) === 0 ? undefined : draft.stream,
      stream_options: (reading.seen & streamOptionsBit) === 0 ? undefined : {},
    },
  };
}

function bitOf(name: string): number {
  return known[name.length]?.find((field) => field.name === name)?.bit ?? 0;
}

function takeField(walker: JsonWalker, reading: Reading): number {
  const field = plainField(walker, known);
  if (field === undefined || (reading.seen & field.bit) !== 0) return -1;
  reading.seen |= field.bit;
  return field.read(walker, reading);
}

/** A field that is read as it is in bodies of all kinds. */
function scalar(name: string): TakeValue {
  const read = readerOf(name);
  return (walker, { draft, problems }) => {
    const start = walker.valueStart;
    const end = endOfScalar(walker, start);
    if (end < 0) return -1;
    const value = scalarAt(walker, start, end);
    if (value === undefined) return -1;
    read(draft, value, problems);
    return end;
  };
}

function readerOf(name: string): FieldReader {
  const read = fieldReaders.get(name);
  if (read === undefined) throw new Error(`nothing reads ${name}`);
  return read;
}

function takeModel(walker: JsonWalker, reading: Reading): number {
  const start = walker.valueStart;
  const end = walker.endOfPlainText(start);
  if (end < 0) return -1;
  reading.model = { start, end };
  readModel(reading.draft, walker.parse(start, end), reading.problems);
  return end;
}

function takeMessages(walker: JsonWalker, { draft }: Reading): number {
  const messages: Message[] = [];
  draft.sawMessages = true;
  draft.request.messages = messages;
  const end = walker.walkList(walker.valueStart, messages, takeMessage);
  return messages.length === 0 ? -1 : end;
}

function takeMessage(walker: JsonWalker, messages: Message[], start: number): number {
  const said: Said = { role: undefined, content: undefined };
  const end = walker.walk(start, said, takeInMessage);
  if (end < 0 || said.role === undefined || said.content === undefined) return -1;
  return messages.push(newMessage(said.role, [textPart(said.content)])) > maxMessageCount
    ? -1
    : end;
}

function takeInMessage(walker: JsonWalker, said: Said): number {
  const start = walker.valueStart;
  if (walker.isKey(content) && said.content === undefined) {
    const end = walker.endOfText(start);
    if (end >= 0) said.content = walker.textAt(start, end);
    return said.content === undefined ? -1 : end;
  }
  if (!walker.isKey(role) || said.role !== undefined) return -1;
  for (const { role: one, bytes } of plainRoles) {
    if (!walker.spells(start, bytes)) continue;
    said.role = one;
    return start + bytes.length;
  }
  return -1;
}

function takeStreamOptions(walker: JsonWalker, reading: Reading): number {
  const usage: { asked: unknown } = { asked: undefined };
  const end = walker.walk(walker.valueStart, usage, takeUsageOption);
  if (typeof usage.asked === "boolean") reading.draft.includeUsage = usage.asked;
  return end;
}

function takeUsageOption(walker: JsonWalker, usage: { asked: unknown }): number {
  if (!walker.isKey(includeUsage) || usage.asked !== undefined) return -1;
  const start = walker.valueStart;
  const end = endOfScalar(walker, start);
  if (end >= 0) usage.asked = scalarAt(walker, start, end);
  return typeof usage.asked === "boolean" ? end : -1;
}
