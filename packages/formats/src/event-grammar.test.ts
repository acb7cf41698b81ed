import { BlockKind } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { checkEventGrammar } from "./event-grammar.ts";
import type { StreamEvent } from "./format.ts";
import {
  argumentsDelta,
  blockEnded,
  textDelta,
  textStarted,
  toolCallStarted,
} from "./streams/stream-events.ts";

const start = textStarted(0, 0, BlockKind.TEXT);
const finished: StreamEvent = {
  case: "finished",
  value: {
    $typeName: "penstock.inference.v1.Finished",
    candidates: [],
    warnings: [],
    attempts: [],
    quotas: [],
  },
};

describe("checkEventGrammar", () => {
  it("accepts blocks that interleave", () => {
    const call = toolCallStarted(1, 0, { id: "c", name: "f" });
    const events = [start, call, argumentsDelta(1, "{"), textDelta(0, "a"), blockEnded(1)];
    expect(checkEventGrammar([...events, blockEnded(0), finished])).toEqual([]);
  });

  it.each<[string, StreamEvent[]]>([
    ["a delta before its block", [textDelta(0, "a")]],
    ["an index used twice", [start, blockEnded(0), start]],
    ["an index left out", [textStarted(1, 0, BlockKind.TEXT)]],
    ["a delta of the wrong kind", [start, argumentsDelta(0, "{")]],
    ["an end twice", [start, blockEnded(0), blockEnded(0)]],
    ["an open block at the end", [start, finished]],
    ["an event behind the end", [finished, start]],
    ["a tool call without a name", [toolCallStarted(0, 0, { id: "c", name: "" })]],
  ])("refuses %s", (_name, events) => {
    expect(checkEventGrammar(events)).not.toEqual([]);
  });
});
