import { BlockKind } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { addHole, shapeOfEvent, type EventShape, type Hole } from "../streams/event-shape.ts";
import { locateValue, only, stringAt, type ValuePath } from "../streams/locate-value.ts";
import { candidateOf, shortText } from "./read-response.ts";

/** What a chunk means that brings one piece of text, or of a tool call's arguments, and no more. */
export interface PlainPiece {
  readonly candidate: number;
  readonly kind: BlockKind;
  /** Of a piece of arguments. */
  readonly call?: { readonly index: number; readonly id: string };
}

type Fields = Readonly<Record<string, unknown>>;

/** Members of a delta that may bring something, and what it is. */
const textMembers: readonly (readonly [name: string, kind: BlockKind])[] = [
  ["content", BlockKind.TEXT],
  ["reasoning_content", BlockKind.REASONING],
  ["reasoning", BlockKind.REASONING],
  ["refusal", BlockKind.REFUSAL],
];
const choicePath: ValuePath = ["choices", only];

/**
 * The shape of a chunk that brings one plain piece: those like it, which most chunks of a stream
 * are, need not be parsed. `data` is its text. Undefined: it is none.
 */
export function shapeOf(data: string, chunk: Fields): EventShape<PlainPiece> | undefined {
  const found = findPiece(chunk);
  if (found === undefined) return undefined;
  const value = stringAt(data, [...choicePath, "delta", ...found.path]);
  const model = locateValue(data, ["model"]);
  if (value === undefined || model === undefined) return undefined;
  const created = Number.isInteger(chunk["created"]) ? locateValue(data, ["created"]) : undefined;
  const holes: Hole[] = [];
  addHole(holes, "value", value);
  addHole(holes, "mark", model);
  // Told anew in each chunk by some servers, and of no meaning here.
  addHole(holes, "text", stringAt(data, ["obfuscation"]));
  addHole(holes, "count", created);
  return shapeOfEvent("data: ", data, holes, found.piece);
}

/** The one piece, and where it stands in the delta; undefined: there is more, or nothing. */
function findPiece(chunk: Fields): { piece: PlainPiece; path: ValuePath } | undefined {
  const { choices, usage, x_groq: groq } = chunk;
  if (usage != null || groq != null || !Array.isArray(choices) || choices.length !== 1) {
    return undefined;
  }
  const choice: unknown = choices[0];
  if (!isJsonObject(choice) || choice["logprobs"] != null) return undefined;
  const { delta, finish_reason: reason } = choice;
  if (!isJsonObject(delta) || (reason != null && reason !== "")) return undefined;
  if (delta["annotations"] != null) return undefined;
  const candidate = candidateOf(choice["index"], 0);
  const [first, second] = textMembers.filter(([name]) => delta[name] != null && delta[name] !== "");
  if (second !== undefined) return undefined;
  if (delta["tool_calls"] != null) {
    return first === undefined ? findCall(candidate, delta["tool_calls"]) : undefined;
  }
  if (first === undefined) return undefined;
  const [name, kind] = first;
  // The one name is looked at only where the other is not given.
  if (name === "reasoning" && delta["reasoning_content"] != null) return undefined;
  return { piece: { candidate, kind }, path: [name] };
}

function findCall(
  candidate: number,
  calls: unknown,
): { piece: PlainPiece; path: ValuePath } | undefined {
  if (!Array.isArray(calls) || calls.length !== 1) return undefined;
  const call: unknown = calls[0];
  if (!isJsonObject(call) || !Number.isInteger(call["index"])) return undefined;
  const { function: called } = call;
  if (!isJsonObject(called) || shortText(called["name"]) !== "") return undefined;
  const piece: PlainPiece = {
    candidate,
    kind: BlockKind.TOOL_CALL,
    call: { index: call["index"] as number, id: shortText(call["id"]) },
  };
  return { piece, path: ["tool_calls", only, "function", "arguments"] };
}
