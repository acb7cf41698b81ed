import { isJsonObject } from "../read-json.ts";
import type { SeenCall } from "./candidate-blocks.ts";
import { readContentList } from "./content-list.ts";
import { readFinishReason, writeFinishReason } from "./finish-reason.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A choice of a chunk as it was read. */
export interface SeenChoice {
  readonly fields: Fields;
  /** The candidate's number. */
  readonly candidate: number;
  /** Whether no chunk before has told anything of the candidate. */
  readonly isFirst: boolean;
  /** Whether it says why the candidate ended. */
  readonly isFinished: boolean;
  /** What its pieces of tool calls belong to, for those that are objects, in their order. */
  readonly calls: readonly SeenCall[];
}

/**
 * The choices of a chunk in the way that clients of the vendor rely on, where a server took it
 * lightly: numbers, roles, content as text, ids and kinds of calls, arguments as text, reasons by their
 * documented names. Undefined: there is nothing to mend.
 */
export function mendChoices(
  given: unknown,
  seen: readonly SeenChoice[],
): readonly Fields[] | undefined {
  if (!Array.isArray(given)) return [];
  const isMended = given.length !== seen.length || !seen.every(isRegular);
  return isMended ? seen.map(mended) : undefined;
}

function isRegular({ fields, candidate, isFirst, calls }: SeenChoice): boolean {
  const { index, delta, finish_reason: reason } = fields;
  if (index !== candidate || !isJsonObject(delta)) return false;
  if (isFirst && typeof delta["role"] !== "string") return false;
  if (Array.isArray(delta["content"])) return false;
  if (reason != null && documentedReason(reason) !== reason) return false;
  const { tool_calls: given } = delta;
  if (given == null) return true;
  if (!Array.isArray(given) || given.length !== calls.length) return false;
  for (let at = 0; at < calls.length; at += 1) {
    const [call, known] = [given[at] as Fields, calls[at]];
    if (known === undefined || !isRegularCall(call, known)) return false;
  }
  return true;
}

function isRegularCall(call: Fields, { ordinal, starts }: SeenCall): boolean {
  const { index, id, type, function: called } = call;
  if (index !== ordinal || !isJsonObject(called)) return false;
  const { arguments: given } = called;
  if (typeof given === "string") return !starts || (isText(id) && type === "function");
  return given == null && !starts;
}

function mended({ fields, candidate, isFirst, calls }: SeenChoice): Fields {
  const { delta: given, finish_reason: reason } = fields;
  const delta: Record<string, unknown> = isJsonObject(given) ? { ...given } : {};
  if (isFirst && typeof delta["role"] !== "string") delta["role"] = "assistant";
  const { content, tool_calls: pieces } = delta;
  if (Array.isArray(content)) Object.assign(delta, mendedContent(content));
  if (Array.isArray(pieces)) {
    const known = pieces.filter(isJsonObject);
    delta["tool_calls"] = calls.map((call, at) => mendedCall(known[at] ?? {}, call));
  } else if (pieces != null) delete delta["tool_calls"];
  return { ...fields, index: candidate, delta, finish_reason: documentedReason(reason) };
}

function mendedContent(content: unknown[]): Fields {
  const listed = readContentList(content);
  const join = (thought: boolean): string =>
    listed.map(({ text, isThought }) => (isThought === thought ? text : "")).join("");
  const [said, thought] = [join(false), join(true)];
  return thought === "" ? { content: said } : { content: said, reasoning_content: thought };
}

function mendedCall(call: Fields, { ordinal, id, starts }: SeenCall): Fields {
  const called = isJsonObject(call["function"]) ? call["function"] : {};
  const given = called["arguments"];
  const text = typeof given === "string" ? given : given == null ? "" : JSON.stringify(given);
  const start = starts ? { id: isText(call["id"]) ? call["id"] : id, type: "function" } : {};
  return { ...call, ...start, index: ordinal, function: { ...called, arguments: text } };
}

/** The word for a reason that callers know; null while there is none. */
function documentedReason(reason: unknown): string | null {
  if (typeof reason !== "string" || reason === "") return null;
  return writeFinishReason(readFinishReason(reason));
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
