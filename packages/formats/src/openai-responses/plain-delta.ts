import { addHole, shapeOfEvent, type EventShape, type Hole } from "../streams/event-shape.ts";
import { locateValue, stringAt } from "../streams/locate-value.ts";

type Fields = Record<string, unknown>;

/** An event that brings one piece, whose `delta` is that of the last one met. */
export interface PlainDelta {
  readonly type: string;
  readonly fields: Fields;
}

const deltas: ReadonlySet<string> = new Set([
  "response.output_text.delta",
  "response.refusal.delta",
  "response.reasoning_summary_text.delta",
  "response.reasoning_text.delta",
  "response.function_call_arguments.delta",
]);

/**
 * The shape of an event that brings one piece of text, thought or arguments: those like it, which
 * most events of a stream are, need not be parsed. Undefined: it is none.
 */
export function shapeOf(
  name: string,
  fields: Fields,
  data: string,
): EventShape<PlainDelta> | undefined {
  const { type, logprobs, sequence_number: number } = fields;
  if (typeof type !== "string" || name !== type || !deltas.has(type)) return undefined;
  if (Array.isArray(logprobs) ? logprobs.length > 0 : logprobs != null) return undefined;
  const value = stringAt(data, ["delta"]);
  if (value === undefined) return undefined;
  const counted = Number.isInteger(number) ? locateValue(data, ["sequence_number"]) : undefined;
  const holes: Hole[] = [];
  addHole(holes, "value", value);
  // What is told anew in each event, and of no meaning here.
  addHole(holes, "count", counted);
  addHole(holes, "text", stringAt(data, ["obfuscation"]));
  return shapeOfEvent(`event: ${type}\ndata: `, data, holes, { type, fields });
}
