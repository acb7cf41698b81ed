import { BlockKind, FinishReason, UsageSource } from "@penstock/api";
import type { CandidateFinish, ContentPart, GenerateRequest, TokenUsage } from "@penstock/api";
import type {
  Answer,
  AnswerEnd,
  Format,
  StreamEvent,
  StreamRelay,
  TargetRequest,
} from "../format.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";

/** Something with a name, for the title of a test. */
export interface Sample<Value> {
  readonly name: string;
  readonly value: Value;
}

const encoder = new TextEncoder();
const inference = "penstock.inference.v1";

/** A target that takes everything its format has words for. */
export function targetOf(stream: boolean): TargetRequest {
  return {
    model: "upstream-model",
    stream,
    quirks: {
      maxTokensField: "max_completion_tokens",
      sendsDeveloperRole: true,
      supportsStreamUsage: true,
      sendsReasoning: true,
    },
  };
}

/** To a caller who asked for a model by this name, and for the usage. */
export function relayAs(model: string): StreamRelay {
  return { model, includeUsage: true, requestId: "request-1", createdSeconds: 1_700_000_000 };
}

const weather = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const requestBodies: Readonly<Record<string, Record<string, unknown>>> = {
  conversation: {
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi, how can I help?" },
      { role: "user", content: "Tell me more — with “quotes” and \u{1f600}." },
    ],
    max_completion_tokens: 50,
    temperature: 0.5,
    top_p: 0.9,
    stop: ["END"],
  },
  tools: {
    messages: [
      { role: "user", content: "Weather in Bern?" },
      {
        role: "assistant",
        tool_calls: [
          {
            id: "call_1",
            type: "function",
            function: { name: "weather", arguments: '{"city":1}' },
          },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "sunny" },
    ],
    tools: [
      { type: "function", function: { name: "weather", description: "d", parameters: weather } },
    ],
    tool_choice: "auto",
    max_completion_tokens: 50,
  },
  image: {
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: pixel } },
        ],
      },
    ],
    max_completion_tokens: 50,
  },
};

/** Canonical requests that every format has words for. */
export const requests: readonly Sample<GenerateRequest>[] = Object.entries(requestBodies).map(
  ([name, fields]) => {
    const body = encoder.encode(JSON.stringify({ model: "asked-model", ...fields }));
    const { request } = openaiChat.readRequest(body);
    return { name, value: request };
  },
);

/** What the samples used. */
export const usage: TokenUsage = {
  $typeName: "penstock.type.v1.TokenUsage",
  inputTokens: 19n,
  outputTokens: 10n,
  source: UsageSource.REPORTED,
};

interface Block {
  readonly kind: BlockKind;
  readonly pieces: readonly string[];
  readonly name?: string;
}

const text: Block = { kind: BlockKind.TEXT, pieces: ["Hello", ", wörld ", "\u{1f600}\n", "end"] };
const call = (name: string): Block => ({
  kind: BlockKind.TOOL_CALL,
  pieces: ['{"city":', '"B', 'ern"}'],
  name,
});
const thought: Block = { kind: BlockKind.REASONING, pieces: ["hm, ", "let me see"] };
const answerBlocks: Readonly<Record<string, readonly Block[]>> = {
  text: [text],
  "tool calls": [call("first"), call("second")],
  "text, then a tool call": [text, call("first")],
  "reasoning, then text": [thought, text],
};

/** Whole answers that every format has words for. */
export const answers: readonly Sample<Answer>[] = Object.entries(answerBlocks).map(
  ([name, blocks]) => ({
    name,
    value: {
      candidates: [{ parts: blocks.map(partOf), finish: finishOf(blocks) }],
      end: endOf(blocks),
    },
  }),
);

/** Streams as the format itself writes them. */
export function writtenStreams(format: Format): Sample<Uint8Array>[] {
  return Object.entries(answerBlocks).map(([name, blocks]) => ({
    name: `written: ${name}`,
    value: writeBlocks(format, blocks),
  }));
}

/** A stream of one text in these pieces, as the format itself writes it. */
export function writtenText(format: Format, pieces: readonly string[]): Uint8Array {
  return writeBlocks(format, [{ kind: BlockKind.TEXT, pieces }]);
}

function writeBlocks(format: Format, blocks: readonly Block[]): Uint8Array {
  const writer = format.createStreamWriter(identity, { includeUsage: true });
  const chunks = blocks.flatMap(eventsOf).map((event) => writer.event(event));
  chunks.push(writer.finish(endOf(blocks), usage));
  return streamBytesOf(format, chunks);
}

/** Texts of a stream's writer as they travel. */
export function streamBytesOf(format: Format, texts: readonly string[]): Uint8Array {
  if (format.streamEncoding !== "latin1") return bytesOf(texts);
  return Uint8Array.from(texts.join(""), (character) => character.charCodeAt(0));
}

/** A whole answer as the format itself writes it. */
export function writtenAnswer(format: Format, answer: Answer): Uint8Array {
  return bytesOf([format.writeResponse(answer, identity, usage)]);
}

/** Text and bytes, one after another. */
export function bytesOf(chunks: readonly (string | Uint8Array)[]): Uint8Array {
  const all = chunks.map((chunk) => (typeof chunk === "string" ? encoder.encode(chunk) : chunk));
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of all) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * Lengths at which a stream is cut: around every line end, near its end, and `most` more evenly
 * between; all of them where it is not longer.
 */
export function cutsOf(bytes: Uint8Array, most: number): number[] {
  const lengths = Array.from({ length: bytes.length }, (_, length) => length);
  if (bytes.length <= most) return lengths;
  const ends = lengths.filter((at) => bytes[at] === lineFeed);
  const near = ends.flatMap((at) => [at - 1, at, at + 1, at + 2]);
  const step = Math.ceil(bytes.length / most);
  const chosen = new Set([...near, ...lengths.filter((at) => at % step === 0)]);
  // The last bytes decide what counts as complete.
  for (let at = Math.max(0, bytes.length - 24); at < bytes.length; at += 1) chosen.add(at);
  return [...chosen].filter((at) => at >= 0 && at < bytes.length).toSorted((a, b) => a - b);
}

const lineFeed = 0x0a;
const identity = {
  requestId: "request-1",
  responseId: "answer-1",
  model: "asked-model",
  createdSeconds: 1_700_000_000,
};

function finishOf(blocks: readonly Block[]): CandidateFinish {
  const calls = blocks.some(({ kind }) => kind === BlockKind.TOOL_CALL);
  return {
    $typeName: `${inference}.CandidateFinish`,
    candidate: 0,
    reason: calls ? FinishReason.TOOL_CALLS : FinishReason.STOP,
    rawReason: "",
  };
}

function endOf(blocks: readonly Block[]): AnswerEnd {
  return {
    candidates: [finishOf(blocks)],
    usage,
    rawUsage: undefined,
    responseId: "answer-1",
    model: "asked-model",
    warnings: [],
  };
}

function partOf({ kind, pieces, name = "" }: Block): ContentPart {
  const said = pieces.join("");
  switch (kind) {
    case BlockKind.TOOL_CALL: {
      const value = { id: `call_${name}`, name, argumentsJson: said };
      return part({
        case: "toolCall",
        value: { $typeName: `${inference}.ToolCallPart`, ...value },
      });
    }
    case BlockKind.REASONING: {
      const value = { text: said, redacted: false };
      return part({
        case: "reasoning",
        value: { $typeName: `${inference}.ReasoningPart`, ...value },
      });
    }
    default: {
      const value = { text: said, refusal: false };
      return part({ case: "text", value: { $typeName: `${inference}.TextPart`, ...value } });
    }
  }
}

function part(content: ContentPart["part"]): ContentPart {
  return { $typeName: `${inference}.ContentPart`, part: content };
}

function eventsOf({ kind, pieces, name = "" }: Block, index: number): StreamEvent[] {
  const isCall = kind === BlockKind.TOOL_CALL;
  const started = { candidate: 0, kind, toolCallId: isCall ? `call_${name}` : "", toolName: name };
  return [
    {
      case: "blockStarted",
      value: { $typeName: `${inference}.BlockStarted`, index, ...started },
    },
    ...pieces.map((value): StreamEvent => ({
      case: "blockDelta",
      value: {
        $typeName: `${inference}.BlockDelta`,
        index,
        delta: isCall ? { case: "argumentsJson", value } : { case: "text", value },
      },
    })),
    { case: "blockEnded", value: { $typeName: `${inference}.BlockEnded`, index } },
  ];
}
