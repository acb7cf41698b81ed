import { BlockKind } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { addHole, EventShape, type Hole } from "../streams/event-shape.ts";
import { stringAt } from "../streams/locate-value.ts";

/** What a `contentBlockDelta` means that brings one piece of text, thought or input, and no more. */
export interface PlainDelta {
  readonly index: unknown;
  readonly kind: BlockKind;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The shape of the payload of a `contentBlockDelta` that brings one piece: those like it, which most
 * of a stream are, need not be parsed. Undefined: it is none.
 */
export function shapeOf(payload: string, fields: Fields): EventShape<PlainDelta> | undefined {
  const { contentBlockIndex: index, delta } = fields;
  if (!isJsonObject(delta) || Object.keys(delta).length !== 1) return undefined;
  const { text, toolUse, reasoningContent: thought } = delta;
  if (typeof text === "string") return shaped(payload, ["text"], { index, kind: BlockKind.TEXT });
  if (isJsonObject(toolUse)) {
    return shaped(payload, ["toolUse", "input"], { index, kind: BlockKind.TOOL_CALL });
  }
  if (!isJsonObject(thought) || Object.keys(thought).length !== 1) return undefined;
  return shaped(payload, ["reasoningContent", "text"], { index, kind: BlockKind.REASONING });
}

function shaped(
  payload: string,
  path: readonly string[],
  meaning: PlainDelta,
): EventShape<PlainDelta> | undefined {
  const value = stringAt(payload, ["delta", ...path]);
  if (value === undefined) return undefined;
  // AWS hides the length of the text behind a pad.
  const holes: Hole[] = [];
  addHole(holes, "value", value);
  addHole(holes, "text", stringAt(payload, ["p"]));
  return new EventShape(payload, holes, meaning);
}
