import { BlockKind } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import { addHole, shapeOfEvent, type EventShape, type Hole } from "../streams/event-shape.ts";
import { locateValue, only, stringAt } from "../streams/locate-value.ts";
import { candidateOf } from "./read-response.ts";

/** What a chunk means that brings one piece of text or thought, and tells usage at most. */
export interface PlainText {
  readonly candidate: number;
  readonly kind: BlockKind;
  readonly tellsUsage: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Members of a candidate that mean something beside its content. */
const ownMembers = [
  "finishReason",
  "logprobsResult",
  "citationMetadata",
  "groundingMetadata",
] as const;
/** Members that a part of text has. */
const textMembers: ReadonlySet<string> = new Set(["text", "thought"]);

/**
 * The shape of a chunk that brings one piece of text: those like it, which most chunks of a stream
 * are, need not be parsed. `data` is its text. Undefined: it is none.
 */
export function shapeOf(data: string, chunk: Fields): EventShape<PlainText> | undefined {
  const { candidates, usageMetadata: usage } = chunk;
  if (!Array.isArray(candidates) || candidates.length !== 1) return undefined;
  const candidate: unknown = candidates[0];
  if (!isJsonObject(candidate) || ownMembers.some((name) => candidate[name] != null)) {
    return undefined;
  }
  const part = onlyPart(candidate["content"]);
  if (part === undefined || !Object.keys(part).every((name) => textMembers.has(name))) {
    return undefined;
  }
  const value = stringAt(data, ["candidates", only, "content", "parts", only, "text"]);
  if (value === undefined) return undefined;
  const holes: Hole[] = [];
  addHole(holes, "value", value);
  if (isJsonObject(usage)) addCounts(holes, data, usage);
  return shapeOfEvent("data: ", data, holes, {
    candidate: candidateOf(candidate["index"], 0),
    kind: part["thought"] === true ? BlockKind.REASONING : BlockKind.TEXT,
    tellsUsage: isJsonObject(usage),
  });
}

function onlyPart(content: unknown): Fields | undefined {
  const parts = isJsonObject(content) ? content["parts"] : undefined;
  if (!Array.isArray(parts) || parts.length !== 1) return undefined;
  const part: unknown = parts[0];
  return isJsonObject(part) ? part : undefined;
}

/** The numbers of a usage, which grow from chunk to chunk. */
function addCounts(holes: Hole[], data: string, usage: Fields): void {
  for (const [name, count] of Object.entries(usage)) {
    const grows = Number.isInteger(count) && (count as number) > 0;
    if (grows) addHole(holes, "count", locateValue(data, ["usageMetadata", name]));
  }
}
