import { BlockKind } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { addHole, shapeOfEvent, type EventShape, type Hole } from "../streams/event-shape.ts";
import { stringAt } from "../streams/locate-value.ts";

/** What an event means that brings a block one piece of text, thought or input, and no more. */
export interface PlainDelta {
  readonly index: unknown;
  readonly kind: BlockKind;
}

type Fields = Readonly<Record<string, unknown>>;

/** The kind of block that each kind of delta belongs to, and the member that has its text. */
const pieces: ReadonlyMap<unknown, readonly [kind: BlockKind, member: string]> = new Map([
  ["text_delta", [BlockKind.TEXT, "text"]],
  ["thinking_delta", [BlockKind.REASONING, "thinking"]],
  ["input_json_delta", [BlockKind.TOOL_CALL, "partial_json"]],
]);

const eventName = "content_block_delta";

/**
 * The shape of an event that brings one piece: those like it, which most events of a stream are,
 * need not be parsed. Undefined: it is none.
 */
export function shapeOf(
  name: string,
  fields: Fields,
  data: string,
): EventShape<PlainDelta> | undefined {
  const { type, index, delta } = fields;
  if (name !== eventName || type !== eventName || !isJsonObject(delta)) return undefined;
  const [kind, member] = pieces.get(delta["type"]) ?? [];
  const value = member && stringAt(data, ["delta", member]);
  if (kind === undefined || !value) return undefined;
  const end = data.lastIndexOf("}");
  // Vendors hide the length of the text behind spaces.
  const spaces = { start: data.slice(0, end).trimEnd().length, end };
  const holes: Hole[] = [];
  addHole(holes, "value", value);
  addHole(holes, "spaces", spaces);
  return shapeOfEvent(`event: ${eventName}\ndata: `, data, holes, { index, kind });
}
