import { ToolChoiceMode } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { jsonFor } from "./json-for.ts";
import type { ReceivedMessages } from "./received-messages.ts";
import type { Scenario } from "./scenario.ts";

/** One block of an answer. One piece is one token. */
export interface ReplyBlock {
  readonly kind: "text" | "refusal" | "reasoning" | "tool_call";
  readonly pieces: readonly string[];
  /** Of a tool call; empty for the others. */
  readonly toolName: string;
  readonly toolCallId: string;
  /** Of reasoning; empty for the others. */
  readonly signature: string;
}

/** What a simulated model answers. */
export interface Reply {
  readonly blocks: readonly ReplyBlock[];
  readonly finish: "stop" | "length" | "tool_calls" | "content_filter";
}

/** Tokens of an answer when neither the request nor the scenario says otherwise. */
const defaultTokens = 24;
/** Tokens of the reasoning, where the request asks for some and the scenario does not say. */
const defaultReasoningTokens = 8;
const refusalText = "I can't help with that.";

const words = [
  "amber", "basin", "cedar", "delta", "ember", "flume", "grove", "harbor",
  "inlet", "jetty", "knoll", "ledge", "marsh", "notch", "ocean", "pylon",
]; // prettier-ignore

/**
 * As many answers as were asked for, one where nothing is said. Those behind the first are made of the
 * same conversation with its hash turned by as many digits, so that they differ.
 */
export function repliesTo(
  request: GenerateRequest,
  received: ReceivedMessages,
  scenario: Scenario,
): Reply[] {
  const { sha256 } = received;
  return Array.from({ length: request.candidateCount ?? 1 }, (_, at) => {
    const turned = sha256.slice(at) + sha256.slice(0, at);
    return replyTo(request, { ...received, sha256: turned }, scenario);
  });
}

/**
 * The answer: a function of the conversation and nothing else. It begins with what was received, so
 * that nobody can answer in its place, and goes on with words drawn from the hash.
 */
export function replyTo(
  request: GenerateRequest,
  received: ReceivedMessages,
  scenario: Scenario,
): Reply {
  if (scenario.refusal === true) {
    const refusal = block("refusal", asWords(refusalText.split(" ")));
    return { blocks: [refusal], finish: "content_filter" };
  }
  const reasoning = reasoningOf(request, received, scenario);
  const tool = toolToCall(request);
  if (tool !== undefined) {
    const calls = toolCalls(request, received, { tool, count: scenario.toolCalls ?? 1 });
    return { blocks: [...reasoning, ...calls], finish: "tool_calls" };
  }
  const all = textPieces(request, received, scenario);
  const thought = reasoning[0]?.pieces.length ?? 0;
  const most = request.sampling?.maxOutputTokens ?? Infinity;
  const said = all.slice(0, Math.max(0, most - thought));
  const finish = said.length < all.length ? "length" : "stop";
  return { blocks: [...reasoning, block("text", said)], finish };
}

function textPieces(
  request: GenerateRequest,
  received: ReceivedMessages,
  { model, tokens }: Scenario,
): string[] {
  const format = request.responseFormat?.format;
  if (tokens === undefined && (format?.case === "jsonSchema" || format?.case === "jsonObject")) {
    const schema = format.case === "jsonSchema" ? format.value.schema : undefined;
    return pieces(JSON.stringify(schema === undefined ? facts(received) : jsonFor(schema)));
  }
  const opening = [
    model,
    "received",
    String(received.count),
    "messages",
    "of",
    String(received.inputTokens),
    "tokens",
    received.sha256,
  ];
  const wanted = tokens ?? defaultTokens;
  return asWords(
    Array.from({ length: wanted }, (_, at) => opening[at] ?? wordAt(received.sha256, at)),
  );
}

function reasoningOf(
  request: GenerateRequest,
  { sha256 }: ReceivedMessages,
  { reasoningTokens }: Scenario,
): ReplyBlock[] {
  const wanted = reasoningTokens ?? (request.reasoning === undefined ? 0 : defaultReasoningTokens);
  if (wanted === 0) return [];
  const said = asWords(Array.from({ length: wanted }, (_, at) => wordAt(sha256, at)));
  return [{ ...block("reasoning", said), signature: `sig_${sha256.slice(0, 32)}` }];
}

function toolCalls(
  request: GenerateRequest,
  received: ReceivedMessages,
  { tool, count }: { readonly tool: string; readonly count: number },
): ReplyBlock[] {
  const said = pieces(JSON.stringify(facts(received)));
  const first = request.tools.findIndex(({ name }) => name === tool);
  return Array.from({ length: count }, (_, at) => ({
    ...block("tool_call", said),
    toolName: request.tools[(first + at) % request.tools.length]?.name ?? tool,
    toolCallId: `call_${received.sha256.slice(0, 24)}${at === 0 ? "" : `_${at}`}`,
  }));
}

function facts({ inputTokens, sha256 }: ReceivedMessages): Record<string, unknown> {
  return { input_tokens: inputTokens, sha256 };
}

function block(kind: ReplyBlock["kind"], said: readonly string[]): ReplyBlock {
  return { kind, pieces: said, toolName: "", toolCallId: "", signature: "" };
}

function pieces(text: string): string[] {
  return text.match(/.{1,12}/gs) ?? [];
}

/** Words as tokens: each but the first brings the blank before it. */
function asWords(all: readonly string[]): string[] {
  return all.map((word, at) => (at === 0 ? word : ` ${word}`));
}

function wordAt(sha256: string, at: number): string {
  return words[Number.parseInt(sha256[at % sha256.length] ?? "0", 16)] ?? "";
}

/** The named tool, or the first where one must be called or the last turn is not its result. */
function toolToCall(request: GenerateRequest): string | undefined {
  const [first] = request.tools;
  if (first === undefined) return undefined;
  const choice = request.toolChoice;
  if (choice?.mode === ToolChoiceMode.NONE) return undefined;
  if (choice?.mode === ToolChoiceMode.NAMED) return choice.toolName;
  if (choice?.mode === ToolChoiceMode.REQUIRED) return first.name;
  const last = request.messages.at(-1)?.parts.at(-1)?.part;
  // After a tool's result the model has what it asked for.
  if (last?.case === "toolResult") return undefined;
  return first.name;
}
