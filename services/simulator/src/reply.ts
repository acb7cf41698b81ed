import { ToolChoiceMode } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import type { ReceivedMessages } from "./received-messages.ts";

/** What a simulated model answers. One piece is one token. */
export interface Reply {
  readonly pieces: readonly string[];
  /** Name of the tool that the pieces are the arguments of; undefined: they are text. */
  readonly toolName: string | undefined;
  readonly toolCallId: string;
  readonly finish: "stop" | "length" | "tool_calls";
}

/** Tokens of an answer when neither the request nor the scenario says otherwise. */
const defaultTokens = 24;

const words = [
  "amber", "basin", "cedar", "delta", "ember", "flume", "grove", "harbor",
  "inlet", "jetty", "knoll", "ledge", "marsh", "notch", "ocean", "pylon",
]; // prettier-ignore

/**
 * The answer: a function of the conversation and nothing else. It begins with what was received, so
 * that nobody can answer in its place, and goes on with words drawn from the hash.
 */
export function replyTo(
  request: GenerateRequest,
  received: ReceivedMessages,
  model: string,
  tokens: number | undefined,
): Reply {
  const tool = toolToCall(request);
  const toolCallId = `call_${received.sha256.slice(0, 24)}`;
  if (tool !== undefined) {
    const text = JSON.stringify({
      input_tokens: received.inputTokens,
      sha256: received.sha256,
    });
    return {
      pieces: text.match(/.{1,12}/gs) ?? [],
      toolName: tool,
      toolCallId,
      finish: "tool_calls",
    };
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
  const all = Array.from({ length: wanted }, (_, at) => opening[at] ?? wordAt(received.sha256, at));
  const most = request.sampling?.maxOutputTokens ?? Infinity;
  const said = all.slice(0, most);
  return {
    pieces: said.map((word, at) => (at === 0 ? word : ` ${word}`)),
    toolName: undefined,
    toolCallId,
    finish: said.length < all.length ? "length" : "stop",
  };
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
